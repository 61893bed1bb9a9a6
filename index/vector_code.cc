#include "index/vector_code.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

constexpr float kMost = 127;
constexpr size_t kLeastStrideInParts = 512;
// Sums of floats over a thousand values are right to about this much of the lengths' product.
constexpr float kRounding = 1e-5f;
// Lengths are summed in float as well, and rounded up by this much to stay bounds.
constexpr float kUp = 1.0001f;

// In lanes, so that the compiler may use wide registers.
constexpr int kLanes = 16;

float Largest(const float* values, int n) {
  float most[kLanes] = {};
  int i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) {
      const float size = std::fabs(values[i + j]);
      most[j] = size > most[j] ? size : most[j];
    }
  }
  for (; i < n; ++i) most[0] = std::max(most[0], std::fabs(values[i]));
  return *std::max_element(most, most + kLanes);
}

}  // namespace

RowHead EncodeRow(const uint16_t* halves, int dimension, uint8_t* code) {
  // Of a thread, so that a build or load of millions of rows does not allocate for each.
  thread_local std::vector<float> values;
  values.resize(static_cast<size_t>(dimension));
  BestKernels().widen(halves, values.size(), values.data());
  return EncodeRow(values, code);
}

RowHead EncodeRow(std::span<const float> values, uint8_t* code) {
  std::memset(code, 128, CodeStride(static_cast<int>(values.size())));
  RowHead head;
  const float most = Largest(values.data(), static_cast<int>(values.size()));
  if (!(most > 0)) return head;
  head.scale = most / kMost;
  const float per_unit = kMost / most;
  float squares[kLanes] = {};
  int32_t sums[kLanes] = {};
  const auto encode = [&](const float* from, size_t i) {
    for (int j = 0; j < kLanes; ++j) {
      // Rounds to nearest, as the adder's unit is 1 there; cheaper than a call.
      const float rounded = (from[j] * per_unit + 0x1.8p23f) - 0x1.8p23f;
      const float left = from[j] - rounded * head.scale;
      const auto number = static_cast<int32_t>(rounded);
      squares[j] += left * left;
      sums[j] += number;
      code[i + j] = static_cast<uint8_t>(number + 128);
    }
  };
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) encode(&values[i], i);
  if (i < values.size()) {
    float rest[kLanes] = {};
    std::copy(values.begin() + static_cast<int64_t>(i), values.end(), rest);
    encode(rest, i);
  }
  head.sum = std::accumulate(sums, sums + kLanes, 0);
  head.error = std::sqrt(std::accumulate(squares, squares + kLanes, 0.0f)) * kUp;
  return head;
}

QueryCode::QueryCode(std::span<const float> query)
    : high_(CodeStride(static_cast<int>(query.size())) / 64), low_(high_.size()) {
  const float most = Largest(query.data(), static_cast<int>(query.size()));
  if (!(most > 0)) return;
  scale_ = most / (256 * kMost);
  const float per_unit = 1 / scale_;
  float norm[kLanes] = {};
  float left[kLanes] = {};
  float quick_left[kLanes] = {};
  for (size_t i = 0; i < high_.size(); ++i) {
    alignas(64) float values[64] = {};
    std::copy_n(query.data() + 64 * i, std::min<size_t>(64, query.size() - 64 * i), values);
    for (int at = 0; at < 64; at += kLanes) {
      for (int j = 0; j < kLanes; ++j) {
        const float value = values[at + j];
        // At most 256 * kMost, or one more by rounding.
        const auto number = static_cast<int32_t>(value * per_unit);
        // The nearest multiple of 256, so that the rest is from -128 to 127.
        const int32_t high = (number + 128) >> 8;
        const int32_t low = number - 256 * high;
        high_[i].bytes[at + j] = static_cast<int8_t>(high);
        low_[i].bytes[at + j] = static_cast<int8_t>(low);
        high_bias_ += 128 * high;
        low_bias_ += 128 * low;
        const float quick_rest = value - scale_ * static_cast<float>(256 * high);
        const float rest = quick_rest - scale_ * static_cast<float>(low);
        norm[j] += value * value;
        quick_left[j] += quick_rest * quick_rest;
        left[j] += rest * rest;
      }
    }
  }
  const auto length = [](const float(&squares)[kLanes]) {
    return std::sqrt(std::accumulate(squares, squares + kLanes, 0.0f)) * kUp;
  };
  if (stride() >= kLeastStrideInParts) part_ = stride() / 256 * 64;
  part_bias_ = 128 * std::accumulate(high(), high() + part_, 0);
  norm_ = length(norm);
  quick_error_ = length(quick_left);
  // A coded row is no longer than its scale times this.
  const float reach = kMost * std::sqrt(static_cast<float>(query.size()));
  rest_ = (length(left) + kRounding * norm_) * reach;
}

}  // namespace sightline::index
