#pragma once

#include <algorithm>
#include <vector>

#include "index/passage_set.h"
#include "index/top_passages.h"
#include "index/vector_kernels.h"
#include "index/vector_rows.h"
#include "tests/support/clustered_vectors.h"

namespace sightline::index {

using ::sightline::testing::ClusteredVectors;

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
