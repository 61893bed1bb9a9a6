#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace sightline {

// What a stage of a pipeline has done since it was made.
struct StageWork {
  std::string stage;
  int threads = 1;     // that work at once, at most
  double seconds = 0;  // that they were at work, added up: at most `threads` a second of the clock
  int64_t items = 0;
  int64_t bytes = 0;
};

// Measures one stage. What is under way beyond `threads` waits, and is not counted as work. Any
// thread.
class StageClock {
 public:
  StageClock(std::string stage, int threads, std::function<absl::Time()> now = absl::Now);

  // One piece of work, from its making to its end. On one thread.
  class Work {
   public:
    explicit Work(StageClock& clock) : clock_(clock) { clock_.Move(1, 0, 0); }
    ~Work() { clock_.Move(-1, items_, bytes_); }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    // What came of it; nothing, unless this is called.
    void Done(int64_t items, int64_t bytes) {
      items_ += items;
      bytes_ += bytes;
    }

   private:
    StageClock& clock_;
    int64_t items_ = 0;
    int64_t bytes_ = 0;
  };

  // With what is under way.
  StageWork work() const;

 private:
  void Move(int change, int64_t items, int64_t bytes);
  double SecondsUntil(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string stage_;
  const int threads_;
  const std::function<absl::Time()> now_;
  mutable absl::Mutex mu_;
  int under_way_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time counted_ ABSL_GUARDED_BY(mu_);  // until when `seconds_` tells
  double seconds_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t items_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace sightline
