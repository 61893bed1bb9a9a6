#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace sightline::testing {

// Unit vectors around centres, as embeddings lie; the same for the same seed. (Pure noise has no
// neighbours to find.)
class ClusteredVectors {
 public:
  ClusteredVectors(int dimension, int centres, uint32_t seed)
      : dimension_(dimension), random_(seed) {
    for (int i = 0; i < centres; ++i) centres_.push_back(Noise());
  }

  std::vector<float> Next() {
    std::vector<float> out = Noise();
    const std::vector<float>& centre = centres_[random_() % centres_.size()];
    double squares = 0;
    for (int i = 0; i < dimension_; ++i) {
      out[i] = centre[i] + 0.7f * out[i];
      squares += static_cast<double>(out[i]) * out[i];
    }
    for (float& value : out) value = static_cast<float>(value / std::sqrt(squares));
    return out;
  }

 private:
  std::vector<float> Noise() {
    std::vector<float> out(dimension_);
    for (float& value : out) value = normal_(random_);
    return out;
  }

  const int dimension_;
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
  std::vector<std::vector<float>> centres_;
};

}  // namespace sightline::testing
