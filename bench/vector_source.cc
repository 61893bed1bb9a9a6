#include "bench/vector_source.h"

#include <algorithm>
#include <cmath>

namespace sightline::index {
namespace {

constexpr int kLatent = 36;
constexpr int kClusters = 2000;

}  // namespace

VectorSource::VectorSource(int dimension)
    : dimension_(dimension),
      map_(static_cast<size_t>(kLatent) * dimension),
      centres_(static_cast<size_t>(kClusters) * kLatent) {
  for (float& value : map_) value = normal_(random_) / std::sqrt(static_cast<float>(kLatent));
  for (float& value : centres_) value = normal_(random_);
  std::vector<double> sizes;
  for (int i = 0; i < kClusters; ++i) sizes.push_back(1.0 / (1 + i % 50));
  pick_ = std::discrete_distribution<int>(sizes.begin(), sizes.end());
}

void VectorSource::Next(float* out) {
  std::fill_n(out, dimension_, 0.0f);
  const float* const centre = &centres_[static_cast<size_t>(pick_(random_)) * kLatent];
  for (int j = 0; j < kLatent; ++j) {
    const float value = centre[j] + 0.7f * normal_(random_);
    const float* const direction = &map_[static_cast<size_t>(j) * dimension_];
    for (int d = 0; d < dimension_; ++d) out[d] += value * direction[d];
  }
  double squares = 0;
  for (int d = 0; d < dimension_; ++d) {
    out[d] = std::tanh(out[d]) + 0.03f * normal_(random_);
    squares += static_cast<double>(out[d]) * out[d];
  }
  for (int d = 0; d < dimension_; ++d) out[d] /= static_cast<float>(std::sqrt(squares));
}

}  // namespace sightline::index
