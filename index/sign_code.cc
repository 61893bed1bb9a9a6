#include "index/sign_code.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sightline::index {
namespace {

constexpr float kMiddle = 31.5f;  // of the numbers in the planes

}  // namespace

float EncodeSigns(std::span<const float> values, uint8_t* code) {
  std::memset(code, 0, 8 * SignWords(static_cast<int>(values.size())));
  double absolute = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    absolute += std::fabs(values[i]);
    code[i / 8] = static_cast<uint8_t>(code[i / 8] | unsigned{values[i] >= 0} << (i % 8));
  }
  return absolute > 0 ? static_cast<float>(1 / absolute) : 0;
}

SignQuery::SignQuery(std::span<const float> values)
    : words_(SignWords(static_cast<int>(values.size()))), planes_(kQueryPlanes * words_) {
  float most = 0;
  for (const float value : values) most = std::max(most, std::fabs(value));
  if (!(most > 0)) return;
  step_ = most / kMiddle;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto number = static_cast<int32_t>(std::lround(values[i] / step_ + kMiddle));
    const int32_t u = std::clamp(number, 0, (1 << kQueryPlanes) - 1);
    all_ += 2 * u - ((1 << kQueryPlanes) - 1);
    for (size_t p = 0; p < kQueryPlanes; ++p) {
      planes_[p * words_ + i / 64] |= static_cast<uint64_t>(u >> p & 1) << (i % 64);
    }
  }
}

}  // namespace sightline::index
