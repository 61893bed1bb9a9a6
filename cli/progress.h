#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cli/terminal.h"

namespace sightline::cli {

struct ProgressTotals {
  int64_t items = 0;
  int64_t bytes = 0;  // 0: not shown
  const char* what = "documents";
};

// Shows on standard error how far a long job is: one line that is drawn again on a terminal, a
// plain line now and then otherwise, nothing when silent. Any thread.
class Progress {
 public:
  Progress(const Terminal& terminal, bool silent, const ProgressTotals& totals);

  // One item of that many bytes is done.
  void Add(int64_t bytes, bool failed);

  // A line that stays, above the bar.
  void Note(const std::string& line);

  // Takes the bar away.
  void Clear();

 private:
  void Draw() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Line(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const bool bar_;
  const bool silent_;
  const ProgressTotals totals_;
  const absl::Time start_;

  absl::Mutex mu_;
  ProgressTotals done_ ABSL_GUARDED_BY(mu_);
  int64_t failed_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time drawn_ ABSL_GUARDED_BY(mu_);
  bool shown_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace sightline::cli
