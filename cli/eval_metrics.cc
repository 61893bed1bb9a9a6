#include "cli/eval_metrics.h"

#include <algorithm>
#include <cmath>

namespace sightline::cli {
namespace {

double Discount(size_t index) { return 1 / std::log2(static_cast<double>(index) + 2); }

size_t Length(int k, std::span<const std::string> ranked) {
  return std::min(ranked.size(), static_cast<size_t>(std::max(k, 0)));
}

double Area(const demo_world::Box& box) {
  return std::max(0.0, box.x1 - box.x0) * std::max(0.0, box.y1 - box.y0);
}

}  // namespace

double NdcgAt(int k, std::span<const std::string> ranked, const Gains& gains) {
  double found = 0;
  for (size_t i = 0; i < Length(k, ranked); ++i) {
    const auto gain = gains.find(ranked[i]);
    if (gain != gains.end()) found += gain->second * Discount(i);
  }
  std::vector<double> best;
  for (const auto& [document, gain] : gains) best.push_back(gain);
  std::sort(best.rbegin(), best.rend());
  double ideal = 0;
  for (size_t i = 0; i < best.size() && i < static_cast<size_t>(std::max(k, 0)); ++i) {
    ideal += best[i] * Discount(i);
  }
  return ideal > 0 ? found / ideal : 0;
}

double RecallAt(int k, std::span<const std::string> ranked, const Gains& gains) {
  if (gains.empty()) return 0;
  const auto found =
      std::count_if(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(Length(k, ranked)),
                    [&](const std::string& document) { return gains.contains(document); });
  return static_cast<double>(found) / static_cast<double>(gains.size());
}

double ReciprocalRankAt(int k, std::span<const std::string> ranked, const Gains& gains) {
  for (size_t i = 0; i < Length(k, ranked); ++i) {
    if (gains.contains(ranked[i])) return 1 / static_cast<double>(i + 1);
  }
  return 0;
}

RankingScore ScoreRanking(std::span<const std::string> ranked, const Gains& gains) {
  return {.recall_at_1 = RecallAt(1, ranked, gains),
          .recall_at_5 = RecallAt(5, ranked, gains),
          .recall_at_10 = RecallAt(10, ranked, gains),
          .recall_at_100 = RecallAt(100, ranked, gains),
          .mrr_at_10 = ReciprocalRankAt(10, ranked, gains),
          .ndcg_at_5 = NdcgAt(5, ranked, gains),
          .ndcg_at_10 = NdcgAt(10, ranked, gains)};
}

double IntersectionOverUnion(const demo_world::Box& a, const demo_world::Box& b) {
  const double shared = Area(
      {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1), std::min(a.y1, b.y1)});
  const double covered = Area(a) + Area(b) - shared;
  return covered > 0 ? shared / covered : 0;
}

double Covered(const demo_world::Box& inner, const demo_world::Box& outer) {
  const double shared = Area({std::max(inner.x0, outer.x0), std::max(inner.y0, outer.y0),
                              std::min(inner.x1, outer.x1), std::min(inner.y1, outer.y1)});
  return Area(inner) > 0 ? shared / Area(inner) : 0;
}

demo_world::Box Around(const demo_world::Box& a, const demo_world::Box& b) {
  return {std::min(a.x0, b.x0), std::min(a.y0, b.y0), std::max(a.x1, b.x1), std::max(a.y1, b.y1)};
}

double Percentile(double percent, std::vector<double> samples) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const auto rank =
      static_cast<ptrdiff_t>(std::ceil(percent / 100 * static_cast<double>(samples.size())));
  return samples[static_cast<size_t>(
      std::clamp<ptrdiff_t>(rank - 1, 0, static_cast<ptrdiff_t>(samples.size()) - 1))];
}

}  // namespace sightline::cli
