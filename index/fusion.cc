#include "index/fusion.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"

namespace sightline::index {
namespace {

constexpr double kRankOffset = 60;

float RankScore(size_t place) {
  return static_cast<float>(1.0 / (kRankOffset + 1 + static_cast<double>(place)));
}

// How far `value` is on the way from `from` to `to`.
float Share(float value, float from, float to) {
  return to <= from ? 0 : std::clamp((value - from) / (to - from), 0.0f, 1.0f);
}

using ByNumber = absl::flat_hash_map<uint32_t, FusedPassage>;

// Best first, where what has no words has its place by the dense list alone.
std::vector<FusedPassage> Order(const ByNumber& by_number,
                                absl::FunctionRef<bool(uint32_t number)> wordless) {
  std::vector<FusedPassage> out, without_words;
  for (const auto& [number, fused] : by_number) {
    (wordless(number) ? without_words : out).push_back(fused);
  }
  const auto best_first = [](const FusedPassage& a, const FusedPassage& b) {
    return Better({a.number, a.score}, {b.number, b.score});
  };
  std::sort(out.begin(), out.end(), best_first);
  for (FusedPassage& fused : without_words) {
    const auto place = static_cast<size_t>(fused.dense_rank) - 1;
    if (place < out.size()) fused.score = std::max(fused.score, out[place].score);
    fused.dense_part = fused.score;
  }
  std::sort(without_words.begin(), without_words.end(), best_first);
  const auto middle = static_cast<ptrdiff_t>(out.size());
  out.insert(out.end(), without_words.begin(), without_words.end());
  std::inplace_merge(
      out.begin(), out.begin() + middle, out.end(),
      [](const FusedPassage& a, const FusedPassage& b) { return a.score > b.score; });
  return out;
}

FusedPassage& Place(ByNumber& by_number, uint32_t number) {
  FusedPassage& fused = by_number[number];
  fused.number = number;
  return fused;
}

}  // namespace

std::vector<FusedPassage> FuseByRank(std::span<const ScoredPassage> dense,
                                     std::span<const ScoredPassage> lexical,
                                     absl::FunctionRef<bool(uint32_t number)> wordless) {
  ByNumber by_number;
  for (size_t i = 0; i < dense.size(); ++i) {
    FusedPassage& fused = Place(by_number, dense[i].number);
    fused.dense_rank = static_cast<int>(i) + 1;
    fused.dense_part = RankScore(i);
    fused.score = fused.dense_part;
    fused.dense = dense[i].score;
  }
  for (size_t i = 0; i < lexical.size(); ++i) {
    FusedPassage& fused = Place(by_number, lexical[i].number);
    fused.lexical_rank = static_cast<int>(i) + 1;
    fused.lexical_part = RankScore(i);
    fused.score += fused.lexical_part;
    fused.lexical = lexical[i].score;
  }
  return Order(by_number, wordless);
}

std::vector<FusedPassage> FuseByScore(std::span<const ScoredPassage> dense,
                                      std::span<const ScoredPassage> lexical,
                                      std::span<const ScoredPassage> more_dense,
                                      std::span<const ScoredPassage> more_lexical,
                                      const ScoreScales& scales,
                                      absl::FunctionRef<bool(uint32_t number)> wordless) {
  ByNumber by_number;
  for (size_t i = 0; i < dense.size(); ++i) {
    FusedPassage& fused = Place(by_number, dense[i].number);
    fused.dense_rank = static_cast<int>(i) + 1;
    fused.dense = dense[i].score;
  }
  for (size_t i = 0; i < lexical.size(); ++i) {
    FusedPassage& fused = Place(by_number, lexical[i].number);
    fused.lexical_rank = static_cast<int>(i) + 1;
    fused.lexical = lexical[i].score;
  }
  for (const ScoredPassage& more : more_dense) Place(by_number, more.number).dense = more.score;
  for (const ScoredPassage& more : more_lexical) Place(by_number, more.number).lexical = more.score;
  for (auto& [number, fused] : by_number) {
    fused.dense_part =
        scales.dense_weight * Share(fused.dense.value_or(scales.chance), scales.chance, 1);
    fused.lexical_part =
        (1 - scales.dense_weight) * Share(fused.lexical.value_or(0), 0, scales.ceiling);
    fused.score = fused.dense_part + fused.lexical_part;
  }
  return Order(by_number, wordless);
}

}  // namespace sightline::index
