#include "model/rope.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "model/training_ops.h"

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

// Without the temporaries of whole-tensor operations. cos, sin: [tokens, d], contiguous.
void RotateFloats(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const int64_t tokens = x.size(0), heads = x.size(1), d = x.size(2), half = d / 2;
  const int64_t token_stride = x.stride(0), head_stride = x.stride(1);
  float* const data = x.data_ptr<float>();
  const float* const all_cos = cos.data_ptr<float>();
  const float* const all_sin = sin.data_ptr<float>();
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 15) / (heads * d));
  at::parallel_for(0, tokens, grain, [&](int64_t begin, int64_t end) {
    for (int64_t token = begin; token < end; ++token) {
      const float* const c = all_cos + token * d;
      const float* const s = all_sin + token * d;
      for (int64_t head = 0; head < heads; ++head) {
        float* const first = data + token * token_stride + head * head_stride;
        float* const second = first + half;
        for (int64_t i = 0; i < half; ++i) {
          const float a = first[i], b = second[i];
          first[i] = a * c[i] - b * s[i];
          second[i] = b * c[half + i] + a * s[half + i];
        }
      }
    }
  });
}

// The frequency, as an index that need not be whole, that turns `rotations` times over the length
// that was trained.
double IndexOfRotations(double rotations, int64_t head_dim, double theta, int64_t length) {
  return static_cast<double>(head_dim) *
         std::log(static_cast<double>(length) / (rotations * 2 * M_PI)) / (2 * std::log(theta));
}

// Fast frequencies stay, slow ones are divided by the factor, those between are blended linearly.
void Stretch(const YarnConfig& yarn, int64_t head_dim, double theta,
             std::vector<float>& frequency) {
  const int64_t length = yarn.original_max_position_embeddings;
  double low = IndexOfRotations(yarn.beta_fast, head_dim, theta, length);
  double high = IndexOfRotations(yarn.beta_slow, head_dim, theta, length);
  if (yarn.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(head_dim - 1));
  if (low == high) high += 0.001;
  const auto factor = static_cast<float>(yarn.factor);
  for (size_t i = 0; i < frequency.size(); ++i) {
    const float ramp =
        (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float kept = 1.0f - std::clamp(ramp, 0.0f, 1.0f);
    frequency[i] = frequency[i] / factor * (1.0f - kept) + frequency[i] * kept;
  }
}

}  // namespace

std::vector<float> TextFrequencies(const TextConfig& config) {
  std::vector<float> frequency =
      InverseFrequencies(config.rope_theta, config.head_dim / 2, config.head_dim);
  if (config.yarn.has_value()) {
    Stretch(*config.yarn, config.head_dim, config.rope_theta, frequency);
  }
  return frequency;
}

TextRope::TextRope(const TextConfig& config, at::Device device)
    : inverse_frequency_(at::tensor(TextFrequencies(config)).to(device)),
      magnitude_(config.yarn.has_value() ? config.yarn->attention_factor : 1) {
  std::vector<int64_t> axis(config.head_dim / 2, 0);
  for (int64_t i = 0; i < config.head_dim / 2; ++i) {
    const int64_t candidate = i % 3;
    if (candidate != 0 && i < 3 * config.mrope_section[candidate]) axis[i] = candidate;
  }
  axis_ = at::tensor(axis).to(device);
}

Rotary TextRope::Angles(const at::Tensor& positions, at::ScalarType dtype) const {
  // [half, tokens] -> [tokens, half]
  const at::Tensor chosen = positions.to(at::kFloat).index_select(0, axis_).t();
  Rotary wide = RotaryFromAngles(chosen.mul(inverse_frequency_));
  if (magnitude_ != 1) {
    wide.cos.mul_(magnitude_);
    wide.sin.mul_(magnitude_);
  }
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

at::Tensor Rotated(const at::Tensor& x, const Rotary& rotary) {
  const int64_t half = x.size(-1) / 2;
  if (TrainsOnCpu(x, half)) return TrainingRotate(x, rotary);
  if (!x.requires_grad() && x.is_cpu() && x.scalar_type() == at::kFloat &&
      rotary.cos.scalar_type() == at::kFloat && x.stride(2) == 1) {
    RotateFloats(x, rotary.cos.contiguous(), rotary.sin.contiguous());
    return x;
  }
  const at::Tensor wide = x.to(rotary.cos.scalar_type());
  const at::Tensor turned =
      at::cat({wide.narrow(-1, half, half).neg(), wide.narrow(-1, 0, half)}, -1);
  const at::Tensor sum =
      wide.mul(rotary.cos.unsqueeze(1)).add_(turned.mul_(rotary.sin.unsqueeze(1)));
  if (x.requires_grad()) return sum.to(x.scalar_type());
  x.copy_(sum);
  return x;
}

}  // namespace sightline::model
