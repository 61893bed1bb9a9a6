#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/model_config.h"

namespace sightline::model {

// Rotation of pairs (i, i + d/2) of a head's d numbers; both halves of cos and sin are equal.
struct Rotary {
  at::Tensor cos;  // [tokens, d]
  at::Tensor sin;  // [tokens, d]
};

// The decoder's interleaved M-RoPE: each token has a time, a row and a column position, and
// frequency i turns with the row where i % 3 == 1 and i < 3 * section[1], with the column where i %
// 3 == 2 and i < 3 * section[2], with the time elsewhere. YaRN, where the configuration asks for
// it, divides the slow frequencies and lengthens cos and sin.
class TextRope {
 public:
  TextRope(const TextConfig& config, at::Device device);

  // positions: [3, tokens] int64 on the same device. Angles in float32; returned as `dtype`.
  Rotary Angles(const at::Tensor& positions, at::ScalarType dtype) const;

 private:
  at::Tensor inverse_frequency_;  // [head_dim / 2] float32
  at::Tensor axis_;               // [head_dim / 2] int64: 0 time, 1 row, 2 column
  double magnitude_ = 1;          // of cos and sin
};

// The decoder's frequencies, head_dim / 2 of them, in float32 as the reference computes them.
std::vector<float> TextFrequencies(const TextConfig& config);

// The vision tower's two-dimensional rotation: the first d/4 frequencies turn with the patch's row,
// the next d/4 with its column. rows, columns: [patches] float32. Returns the angles before
// duplication, [patches, head_dim / 2].
at::Tensor VisionAngles(const at::Tensor& rows, const at::Tensor& columns, int64_t head_dim);

// [tokens, d/2] angles to cos and sin of [tokens, d].
Rotary RotaryFromAngles(const at::Tensor& angles);

// Turns x, in place where no gradient is asked for, and returns it: x * cos + [-x2, x1] * sin with
// x1, x2 the halves of the last axis, computed in rotary's type. x: [tokens, heads, d].
at::Tensor Rotated(const at::Tensor& x, const Rotary& rotary);

}  // namespace sightline::model
