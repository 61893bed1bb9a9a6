#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "index/types.h"
#include "ingest/job_queue.h"

namespace sightline::ingest {

// Which failed jobs still have their bytes in the spool, so that they can be tried again, within a
// bound on all of them. Any thread.
class FailedFiles {
 public:
  explicit FailedFiles(int64_t max_bytes) : max_bytes_(max_bytes) {}

  // False when the bound leaves no room for `bytes` more: the file must go.
  bool Add(const index::Job& job, int64_t bytes);

  // The bytes of the job's file, which is no longer counted; empty when it has none here.
  std::optional<int64_t> Take(const std::string& job_id);

  // Ids of the jobs of `scope`, which are no longer counted.
  std::vector<std::string> TakeAll(const DocumentScope& scope);

 private:
  struct File {
    index::Job job;
    int64_t bytes = 0;
  };

  const int64_t max_bytes_;
  absl::Mutex mu_;
  std::map<std::string, File> files_ ABSL_GUARDED_BY(mu_);  // by job id
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace sightline::ingest
