#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sightline::model {

// How floats become whole numbers: `group` neighbouring inputs of one output share a scale.
struct GroupRule {
  int bits = 4;         // 4 or 8
  int64_t group = 128;  // even, divides the inputs
  // Symmetric: value = scale * (number - 2^(bits - 1)). Else with a zero point of each group,
  // value = scale * (number - zero).
  bool symmetric = true;
};

// A matrix made narrow.
struct NarrowMatrix {
  at::Tensor numbers;        // [out, in] bytes below 2^bits
  at::Tensor scales;         // [out, in / group], above 0
  at::Tensor zeros;          // [out, in / group] bytes below 2^bits; undefined when symmetric
  double squared_error = 0;  // sums over the matrix
  double squared_weights = 0;
};

// Chooses each group's scale from a few, from the one its largest value asks for down to ones that
// clip it, by the least squared error. `weight`: [out, in] float32, contiguous, finite.
// `scale_type`: float32, bfloat16 or float16; the numbers fit the rounded scale. On the CPU.
NarrowMatrix QuantizeMatrix(const at::Tensor& weight, const GroupRule& rule,
                            at::ScalarType scale_type);

}  // namespace sightline::model
