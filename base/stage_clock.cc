#include "base/stage_clock.h"

#include <algorithm>
#include <utility>

namespace sightline {

StageClock::StageClock(std::string stage, int threads, std::function<absl::Time()> now)
    : stage_(std::move(stage)), threads_(threads), now_(std::move(now)), counted_(now_()) {}

double StageClock::SecondsUntil(absl::Time now) const {
  // A wall clock may be set back.
  const double passed = std::max(0.0, absl::ToDoubleSeconds(now - counted_));
  return seconds_ + passed * std::min(under_way_, threads_);
}

void StageClock::Move(int change, int64_t items, int64_t bytes) {
  absl::MutexLock lock(&mu_);
  const absl::Time now = now_();
  seconds_ = SecondsUntil(now);
  counted_ = now;
  under_way_ += change;
  items_ += items;
  bytes_ += bytes;
}

StageWork StageClock::work() const {
  absl::MutexLock lock(&mu_);
  return {.stage = stage_,
          .threads = threads_,
          .seconds = SecondsUntil(now_()),
          .items = items_,
          .bytes = bytes_};
}

}  // namespace sightline
