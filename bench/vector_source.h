#pragma once

#include <random>
#include <vector>

namespace sightline::index {

// Unit vectors as embeddings lie: in clusters of uneven size on a curved surface of few dimensions,
// with a little noise in all. The same for the same seed.
class VectorSource {
 public:
  explicit VectorSource(int dimension);

  // `out` has room for the dimension.
  void Next(float* out);

 private:
  const int dimension_;
  std::mt19937 random_{7};
  std::normal_distribution<float> normal_;
  std::vector<float> map_;  // from the surface to all dimensions
  std::vector<float> centres_;
  std::discrete_distribution<int> pick_;
};

}  // namespace sightline::index
