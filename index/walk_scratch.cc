#include "index/walk_scratch.h"

#include <algorithm>

namespace sightline::index {

void WalkScratch::NextWalk() {
  if (++walk_ != 0) return;
  std::fill(visited_.begin(), visited_.end(), uint8_t{0});
  walk_ = 1;
}

std::unique_ptr<WalkScratch> WalkScratchPool::Take() {
  {
    absl::MutexLock lock(&mu_);
    if (!idle_.empty()) {
      std::unique_ptr<WalkScratch> scratch = std::move(idle_.back());
      idle_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<WalkScratch>(rows_);
}

void WalkScratchPool::Return(std::unique_ptr<WalkScratch> scratch) {
  absl::MutexLock lock(&mu_);
  idle_.push_back(std::move(scratch));
}

}  // namespace sightline::index
