#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace sightline::index {

struct ScoredPassage {
  uint32_t number = 0;
  float score = 0;
};

// Higher score first, then the lower number, so that equal scores have one order.
inline bool Better(const ScoredPassage& a, const ScoredPassage& b) {
  return a.score != b.score ? a.score > b.score : a.number < b.number;
}

// Keeps the best `n` of what it is offered.
class TopPassages {
 public:
  explicit TopPassages(int n) : n_(static_cast<size_t>(n)) {}

  void Offer(ScoredPassage passage) {
    if (heap_.size() == n_ && !Better(passage, heap_.front())) return;
    if (heap_.size() == n_) {
      std::pop_heap(heap_.begin(), heap_.end(), Better);
      heap_.pop_back();
    }
    heap_.push_back(passage);
    std::push_heap(heap_.begin(), heap_.end(), Better);
  }

  size_t size() const { return heap_.size(); }
  // What is scored below this is not kept.
  float Threshold() const {
    return heap_.size() < n_ ? -std::numeric_limits<float>::infinity() : heap_.front().score;
  }

  // Best first; leaves nothing.
  std::vector<ScoredPassage> Take() {
    std::sort_heap(heap_.begin(), heap_.end(), Better);
    return std::move(heap_);
  }

 private:
  const size_t n_;
  std::vector<ScoredPassage> heap_;  // the worst in front
};

}  // namespace sightline::index
