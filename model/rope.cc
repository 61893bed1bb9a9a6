#include "model/rope.h"

#include <ATen/ATen.h>

#include <cmath>

namespace sightline::model {
namespace {

// base^(-2i / span) for i in 0..count-1, in float32 as the reference computes it.
std::vector<float> InverseFrequencies(double base, int64_t count, int64_t span) {
  std::vector<float> out(count);
  for (int64_t i = 0; i < count; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(span);
    out[i] = 1.0f / std::pow(static_cast<float>(base), exponent);
  }
  return out;
}

}  // namespace

TextRope::TextRope(int64_t head_dim, double theta, const std::vector<int64_t>& section,
                   at::Device device) {
  const int64_t half = head_dim / 2;
  inverse_frequency_ = at::tensor(InverseFrequencies(theta, half, head_dim)).to(device);
  std::vector<int64_t> axis(half, 0);
  for (int64_t i = 0; i < half; ++i) {
    const int64_t candidate = i % 3;
    if (candidate != 0 && i < 3 * section[candidate]) axis[i] = candidate;
  }
  axis_ = at::tensor(axis).to(device);
}

Rotary TextRope::Angles(const at::Tensor& positions, at::ScalarType dtype) const {
  // [half, tokens] -> [tokens, half]
  const at::Tensor chosen = positions.to(at::kFloat).index_select(0, axis_).t();
  const Rotary wide = RotaryFromAngles(chosen.mul(inverse_frequency_));
  return {wide.cos.to(dtype), wide.sin.to(dtype)};
}

at::Tensor VisionAngles(const at::Tensor& rows, const at::Tensor& columns, int64_t head_dim) {
  const at::Tensor frequency =
      at::tensor(InverseFrequencies(10000.0, head_dim / 4, head_dim / 2)).to(rows.device());
  return at::cat({rows.unsqueeze(1) * frequency, columns.unsqueeze(1) * frequency}, 1);
}

Rotary RotaryFromAngles(const at::Tensor& angles) {
  const at::Tensor doubled = at::cat({angles, angles}, -1);
  return {doubled.cos(), doubled.sin()};
}

at::Tensor ApplyRotary(const at::Tensor& x, const Rotary& rotary) {
  const int64_t half = x.size(-1) / 2;
  const at::Tensor turned = at::cat({x.narrow(-1, half, half).neg(), x.narrow(-1, 0, half)}, -1);
  return x.mul(rotary.cos.unsqueeze(1)).add_(turned.mul_(rotary.sin.unsqueeze(1)));
}

}  // namespace sightline::model
