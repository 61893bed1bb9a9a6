#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

namespace sightline::index {

// What the walks of one query through several graphs have met so far: the scores of the best
// `width` rows, by their bytes. A later walk need not follow what is worse than all of these, once
// it has found its way. For one thread.
class SharedBeam {
 public:
  explicit SharedBeam(size_t width) : width_(width) {}

  // Below every score of a row that is worth following; minus infinity while few were met.
  float Floor() const {
    return scores_.size() < width_ ? -std::numeric_limits<float>::infinity() : scores_.front();
  }
  void Add(float score) {
    if (score <= Floor()) return;
    if (scores_.size() == width_) {
      std::pop_heap(scores_.begin(), scores_.end(), std::greater<>());
      scores_.pop_back();
    }
    scores_.push_back(score);
    std::push_heap(scores_.begin(), scores_.end(), std::greater<>());
  }

 private:
  const size_t width_;
  std::vector<float> scores_;  // the worst in front
};

}  // namespace sightline::index
