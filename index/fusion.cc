#include "index/fusion.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"

namespace sightline::index {
namespace {

constexpr double kRankOffset = 60;

float RankScore(size_t place) {
  return static_cast<float>(1.0 / (kRankOffset + 1 + static_cast<double>(place)));
}

}  // namespace

std::vector<FusedPassage> FuseByRank(std::span<const ScoredPassage> dense,
                                     std::span<const ScoredPassage> lexical) {
  absl::flat_hash_map<uint32_t, FusedPassage> by_number;
  for (size_t i = 0; i < dense.size(); ++i) {
    FusedPassage& fused = by_number[dense[i].number];
    fused.number = dense[i].number;
    fused.dense_rank = static_cast<int>(i) + 1;
    fused.dense_part = RankScore(i);
    fused.score = fused.dense_part;
    fused.dense = dense[i].score;
  }
  for (size_t i = 0; i < lexical.size(); ++i) {
    FusedPassage& fused = by_number[lexical[i].number];
    fused.number = lexical[i].number;
    fused.lexical_rank = static_cast<int>(i) + 1;
    fused.lexical_part = RankScore(i);
    fused.score += fused.lexical_part;
    fused.lexical = lexical[i].score;
  }
  std::vector<FusedPassage> out;
  out.reserve(by_number.size());
  for (const auto& [number, fused] : by_number) out.push_back(fused);
  std::sort(out.begin(), out.end(), [](const FusedPassage& a, const FusedPassage& b) {
    return Better({a.number, a.score}, {b.number, b.score});
  });
  return out;
}

}  // namespace sightline::index
