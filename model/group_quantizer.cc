#include "model/group_quantizer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace sightline::model {
namespace {

// Of the scale at which the group's range is just covered. Four bits gain from giving up the
// extremes for finer steps, and from the asymmetry of -8 … 7: 15/14 covers the positive side whole.
constexpr std::array<float, 12> kClips4 = {1.0f,  15.0f / 14, 0.975f, 0.95f, 0.925f, 0.9f,
                                           0.87f, 0.84f,      0.8f,   0.75f, 0.7f,   0.65f};
constexpr std::array<float, 4> kClips8 = {1.0f, 255.0f / 254, 0.99f, 0.975f};

// To the nearest whole number, to even between two; below 2^22. Unlike std::nearbyint it becomes
// vector code on every x86-64.
inline float Round(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

float RoundTo(float scale, at::ScalarType type) {
  if (type == at::kBFloat16) return static_cast<float>(static_cast<at::BFloat16>(scale));
  if (type != at::kHalf) return scale;
  // The smallest of float16 where there would be none left.
  return std::max(static_cast<float>(static_cast<at::Half>(scale)), 0x1p-24f);
}

struct Fit {
  float scale = 1;
  float zero = 0;  // in numbers
};

// Squared error of a group under `fit`; numbers lie in [0, most].
double ErrorOf(const float* weights, int64_t count, const Fit& fit, float most) {
  const float inverse = 1 / fit.scale;
  float error = 0;
  for (int64_t i = 0; i < count; ++i) {
    float number = Round(weights[i] * inverse) + fit.zero;
    number = number < 0 ? 0 : number;
    number = number > most ? most : number;
    const float difference = weights[i] - (number - fit.zero) * fit.scale;
    error += difference * difference;
  }
  return error;
}

Fit FitGroup(const float* weights, const GroupRule& rule, at::ScalarType scale_type) {
  float low = 0, high = 0;
  for (int64_t i = 0; i < rule.group; ++i) {
    low = std::min(low, weights[i]);
    high = std::max(high, weights[i]);
  }
  const float most = static_cast<float>((1 << rule.bits) - 1);
  const float middle = static_cast<float>(1 << (rule.bits - 1));
  const float full = rule.symmetric ? 2 * std::max(-low, high) / most : (high - low) / most;
  Fit best{.scale = 1, .zero = rule.symmetric ? middle : 0};
  if (!(full > 1e-30f)) return best;  // all zero, or as good as
  double least = -1;
  const auto attempt = [&](float clip) {
    Fit fit{.scale = RoundTo(full * clip, scale_type), .zero = middle};
    if (!rule.symmetric) fit.zero = std::clamp(Round(-low * clip / fit.scale), 0.0f, most);
    const double error = ErrorOf(weights, rule.group, fit, most);
    if (least >= 0 && error >= least) return;
    least = error;
    best = fit;
  };
  if (rule.bits == 4) {
    for (const float clip : kClips4) attempt(clip);
  } else {
    for (const float clip : kClips8) attempt(clip);
  }
  return best;
}

}  // namespace

NarrowMatrix QuantizeMatrix(const at::Tensor& weight, const GroupRule& rule,
                            at::ScalarType scale_type) {
  const int64_t out = weight.size(0), in = weight.size(1), groups = in / rule.group;
  const float most = static_cast<float>((1 << rule.bits) - 1);
  NarrowMatrix narrow;
  narrow.numbers = at::empty({out, in}, at::kByte);
  at::Tensor scales = at::empty({out, groups}, at::kFloat);
  at::Tensor zeros = at::empty({out, groups}, at::kByte);
  std::vector<double> errors(out), squares(out);
  const float* const from = weight.data_ptr<float>();
  uint8_t* const numbers = narrow.numbers.data_ptr<uint8_t>();
  float* const scale_at = scales.data_ptr<float>();
  uint8_t* const zero_at = zeros.data_ptr<uint8_t>();
  at::parallel_for(0, out, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t g = 0; g < groups; ++g) {
        const float* const weights = from + row * in + g * rule.group;
        uint8_t* const to = numbers + row * in + g * rule.group;
        const Fit fit = FitGroup(weights, rule, scale_type);
        const float inverse = 1 / fit.scale;
        for (int64_t i = 0; i < rule.group; ++i) {
          const float number = std::clamp(Round(weights[i] * inverse) + fit.zero, 0.0f, most);
          to[i] = static_cast<uint8_t>(number);
          squares[row] += double{weights[i]} * weights[i];
        }
        errors[row] += ErrorOf(weights, rule.group, fit, most);
        scale_at[row * groups + g] = fit.scale;
        zero_at[row * groups + g] = static_cast<uint8_t>(fit.zero);
      }
    }
  });
  for (int64_t row = 0; row < out; ++row) {
    narrow.squared_error += errors[row];
    narrow.squared_weights += squares[row];
  }
  narrow.scales = scales.to(scale_type);
  if (!rule.symmetric) narrow.zeros = zeros;
  return narrow;
}

}  // namespace sightline::model
