#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sightline::services {

// Tells how far a pull is: JSON lines on standard output, or for people on standard error, as one
// line that is drawn again on a terminal and a plain line now and then otherwise. Any thread.
class PullReport {
 public:
  enum class Form { kJson, kBar, kLines };
  explicit PullReport(Form form) : form_(form) {}

  // What is to be done, once known. `bytes`: of all files, 0 when the hub does not say.
  void Start(absl::string_view repository, absl::string_view commit, int64_t files, int64_t bytes)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Bytes came, were found in place, or (below 0) were thrown away.
  void Add(int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);
  // A file is in place and checked. `kept`: it was there already.
  void File(absl::string_view path, int64_t bytes, bool kept) ABSL_LOCKS_EXCLUDED(mu_);
  // Something went wrong that is tried again.
  void Retry(absl::string_view path, const absl::Status& why, absl::Duration wait)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Done(absl::string_view folder, int64_t downloaded_files, int64_t downloaded_bytes)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Failed(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Draw(bool at_once) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Note(const std::string& line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Form form_;
  absl::Mutex mu_;
  std::string repository_ ABSL_GUARDED_BY(mu_);
  std::string commit_ ABSL_GUARDED_BY(mu_);
  int64_t files_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t done_files_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t done_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time start_ ABSL_GUARDED_BY(mu_);
  absl::Time drawn_ ABSL_GUARDED_BY(mu_);
  bool shown_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace sightline::services
