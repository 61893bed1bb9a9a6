#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "index/passage_set.h"
#include "index/top_passages.h"
#include "index/vector_kernels.h"
#include "index/vector_rows.h"

namespace sightline::index {

// Unit vectors around centres, as embeddings lie; the same for the same seed.
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

// Every allowed row by its half floats, best first.
inline std::vector<ScoredPassage> AllByHalves(const VectorRows& rows,
                                              const std::vector<float>& query,
                                              const PassageSet& allowed) {
  std::vector<ScoredPassage> all;
  for (int64_t row = 0; row < rows.size(); ++row) {
    if (!allowed.Contains(rows.passage(row))) continue;
    all.push_back(
        {rows.passage(row), BestKernels().dot(query.data(), rows.halves(row), query.size())});
  }
  std::sort(all.begin(), all.end(), Better);
  return all;
}

// A share of the rows' passages: at random, or those nearest to the query, or farthest from it.
enum class Pick { kRandom, kNearest, kFarthest };

inline PassageSet PickShare(const VectorRows& rows, const std::vector<float>& query, double share,
                            Pick pick) {
  PassageSet all;
  for (int64_t row = 0; row < rows.size(); ++row) all.Insert(rows.passage(row));
  std::vector<ScoredPassage> order = AllByHalves(rows, query, all);
  if (pick == Pick::kFarthest) std::reverse(order.begin(), order.end());
  if (pick == Pick::kRandom) std::shuffle(order.begin(), order.end(), std::mt19937(7));
  const double kept = std::max(1.0, share * static_cast<double>(order.size()));
  PassageSet out;
  for (size_t i = 0; i < static_cast<size_t>(kept); ++i) out.Insert(order[i].number);
  return out;
}

}  // namespace sightline::index
