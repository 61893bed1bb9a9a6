#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace sightline::index {

// What a walk needs besides the graph, kept between walks: clearing a table as large as the graph
// for each would cost more than the walk.
class WalkScratch {
 public:
  struct Entry {
    float score = 0;
    int32_t row = 0;
    bool expanded = false;
  };

  explicit WalkScratch(int64_t rows) : visited_(static_cast<size_t>(rows)) {}

  // Forgets which rows were visited.
  void NextWalk();
  // Whether this is the first time since NextWalk.
  bool Visit(int32_t row) {
    const bool first = visited_[row] != walk_;
    visited_[row] = walk_;
    return first;
  }
  bool Visited(int32_t row) const { return visited_[row] == walk_; }

  std::vector<Entry> beam;  // best first
  std::vector<int32_t> next;
  std::vector<int32_t> passed;
  std::vector<Entry> near;

 private:
  std::vector<uint8_t> visited_;  // the number of the walk that was there last
  uint8_t walk_ = 0;
};

// As many scratches as walks go on at once. From any thread.
class WalkScratchPool {
 public:
  explicit WalkScratchPool(int64_t rows) : rows_(rows) {}
  std::unique_ptr<WalkScratch> Take();
  void Return(std::unique_ptr<WalkScratch> scratch);

 private:
  const int64_t rows_;
  absl::Mutex mu_;
  std::vector<std::unique_ptr<WalkScratch>> idle_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline::index
