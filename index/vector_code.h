#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/code_kernels.h"

namespace sightline::index {

// What stands beside a row's bytes. Value i of the vector is about scale * (code[i] - 128), and the
// vector of what is left over has a length of at most `error`.
struct RowHead {
  uint32_t passage = 0;
  float scale = 0;
  int32_t sum = 0;  // of code[i] - 128
  float error = 0;
};

// Bytes a row of codes takes: the dimension rounded up to whole cache lines.
constexpr size_t CodeStride(int dimension) {
  return (static_cast<size_t>(dimension) + 63) / 64 * 64;
}

// Codes values into CodeStride(dimension) bytes; head.passage is left at 0.
RowHead EncodeRow(std::span<const float> values, uint8_t* code);
// The same of `dimension` half floats.
RowHead EncodeRow(const uint16_t* halves, int dimension, uint8_t* code);

// The error of a row points anywhere, so of its length only about one part in sqrt(dimension)
// counts in a score: the share that one row in many millions exceeds.
inline float LikelyErrorShare(size_t dimension) {
  constexpr float kDeviations = 6;
  return std::min(1.0f, kDeviations / std::sqrt(static_cast<float>(dimension)));
}

// A query as two bytes a value, about scale * (256 * high + low): the high bytes alone for the walk
// through a graph, both for sums that can be trusted up to a bound.
class QueryCode {
 public:
  explicit QueryCode(std::span<const float> query);

  const int8_t* high() const { return high_[0].bytes; }
  const int8_t* low() const { return low_[0].bytes; }
  size_t stride() const { return 64 * high_.size(); }

  // The inner product with the high bytes alone, in units of unit().
  float Quick(const CodeKernels& kernels, const uint8_t* code, const RowHead& head) const {
    return static_cast<float>(kernels.dot(code, high(), stride()) - high_bias_) * head.scale;
  }
  float unit() const { return 256 * scale_; }

  // The same in two parts: over the bytes before part(), a quarter, and over the rest. A part() of
  // 0: the vector is too short to be worth it.
  size_t part() const { return part_; }
  float QuickPart(const CodeKernels& kernels, const uint8_t* code, const RowHead& head) const {
    return static_cast<float>(kernels.dot(code, high(), part_) - part_bias_) * head.scale;
  }
  float QuickRest(const CodeKernels& kernels, const uint8_t* code, const RowHead& head) const {
    return static_cast<float>(kernels.dot(code + part_, high() + part_, stride() - part_) -
                              (high_bias_ - part_bias_)) *
           head.scale;
  }
  // The length of what the high bytes leave over.
  float quick_error() const { return quick_error_; }

  // The inner product with both, which differs from that of the vectors by at most Bound(head).
  float Close(const CodeKernels& kernels, const uint8_t* code, const RowHead& head) const {
    int32_t sums[2];
    kernels.dot2(code, high(), low(), stride(), sums);
    return (256 * static_cast<float>(sums[0] - high_bias_) +
            static_cast<float>(sums[1] - low_bias_)) *
           (head.scale * scale_);
  }
  // With a `share` of the row's error below 1 it is likely only.
  float Bound(const RowHead& head, float share = 1) const {
    return norm_ * head.error * share + rest_ * head.scale;
  }

 private:
  struct alignas(64) Line {
    int8_t bytes[64] = {};
  };
  std::vector<Line> high_;
  std::vector<Line> low_;
  int32_t high_bias_ = 0;  // 128 times the sum of the bytes
  int32_t low_bias_ = 0;
  size_t part_ = 0;
  int32_t part_bias_ = 0;  // of the high bytes before part_
  float scale_ = 0;
  float norm_ = 0;
  float quick_error_ = 0;
  float rest_ = 0;
};

}  // namespace sightline::index
