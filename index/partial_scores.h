#pragma once

#include <algorithm>
#include <cmath>

namespace sightline::index {

// Tells from a row's first bytes how near it can be, for a query of which it has seen some rows
// whole: the score is about as many times that of the first bytes as it was for them, and off by
// about as much. Values that bear no relation make the margin wide, and no row is passed over.
class PartialScores {
 public:
  bool ready() const { return rows_ >= kRows; }
  void Learn(float part, float whole) {
    ++rows_;
    part_part_ += double{part} * part;
    part_whole_ += double{part} * whole;
    whole_whole_ += double{whole} * whole;
    if (!ready()) return;
    times_ = part_part_ > 0 ? static_cast<float>(part_whole_ / part_part_) : 0;
    const double left = std::max(0.0, whole_whole_ - times_ * part_whole_);
    margin_ = kDeviations * static_cast<float>(std::sqrt(left / rows_));
  }
  // A score it hardly exceeds.
  float Most(float part) const { return times_ * part + margin_; }

 private:
  static constexpr int kRows = 48;
  static constexpr float kDeviations = 4;
  int rows_ = 0;
  double part_part_ = 0;
  double part_whole_ = 0;
  double whole_whole_ = 0;
  float times_ = 0;
  float margin_ = 0;
};

}  // namespace sightline::index
