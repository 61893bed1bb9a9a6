#include "cli/eval_metrics.h"

#include <gtest/gtest.h>

namespace sightline::cli {
namespace {

const std::vector<std::string> kRanked = {"a", "b", "c", "d"};

TEST(EvalMetricsTest, NdcgCountsGainsLessTheLaterTheyCome) {
  // 1 / log2(2) = 1, 1 / log2(3) = 0.63093, 1 / log2(4) = 0.5, 1 / log2(5) = 0.43068.
  EXPECT_NEAR(NdcgAt(10, kRanked, {{"a", 1}}), 1, 1e-9);
  EXPECT_NEAR(NdcgAt(10, kRanked, {{"b", 1}}), 0.63093, 1e-5);
  EXPECT_NEAR(NdcgAt(10, kRanked, {{"b", 1}, {"d", 1}}), (0.63093 + 0.43068) / 1.63093, 1e-5);
  EXPECT_NEAR(NdcgAt(10, kRanked, {{"a", 1}, {"c", 3}}), (1 + 1.5) / (3 + 0.63093), 1e-5);
  EXPECT_NEAR(NdcgAt(10, kRanked, {{"a", 1}, {"missing", 1}}), 1 / 1.63093, 1e-5);
}

TEST(EvalMetricsTest, NdcgLooksAtTheFirstKAlone) {
  EXPECT_EQ(NdcgAt(2, kRanked, {{"c", 1}}), 0);
  // Two that count, room for one.
  EXPECT_NEAR(NdcgAt(1, kRanked, {{"a", 1}, {"b", 1}}), 1, 1e-9);
}

TEST(EvalMetricsTest, RecallIsTheShareThatWasFound) {
  const Gains gains = {{"b", 1}, {"d", 2}, {"missing", 1}};
  EXPECT_EQ(RecallAt(1, kRanked, gains), 0);
  EXPECT_NEAR(RecallAt(2, kRanked, gains), 1.0 / 3, 1e-9);
  EXPECT_NEAR(RecallAt(100, kRanked, gains), 2.0 / 3, 1e-9);
}

TEST(EvalMetricsTest, ReciprocalRankIsOfTheFirstFound) {
  EXPECT_EQ(ReciprocalRankAt(10, kRanked, {{"b", 1}, {"c", 1}}), 0.5);
  EXPECT_EQ(ReciprocalRankAt(3, kRanked, {{"d", 1}}), 0);
}

TEST(EvalMetricsTest, ARankingWorkedOutByHand) {
  // Ranks 1..6: a b c d e f; worth b = 2, f = 1, and x, which was not found, 1.
  const std::vector<std::string> ranked = {"a", "b", "c", "d", "e", "f"};
  const RankingScore score = ScoreRanking(ranked, {{"b", 2}, {"f", 1}, {"x", 1}});
  // Best order: 2 / log2(2) + 1 / log2(3) + 1 / log2(4) = 2 + 0.63093 + 0.5 = 3.13093.
  EXPECT_NEAR(score.ndcg_at_5, 2 * 0.63093 / 3.13093, 1e-5);
  EXPECT_NEAR(score.ndcg_at_10, (2 * 0.63093 + 0.35621) / 3.13093, 1e-5);  // 1 / log2(7)
  EXPECT_EQ(score.recall_at_1, 0);
  EXPECT_NEAR(score.recall_at_5, 1.0 / 3, 1e-9);
  EXPECT_NEAR(score.recall_at_10, 2.0 / 3, 1e-9);
  EXPECT_NEAR(score.recall_at_100, 2.0 / 3, 1e-9);
  EXPECT_EQ(score.mrr_at_10, 0.5);
}

TEST(EvalMetricsTest, NothingFoundOrNothingWantedIsZero) {
  for (const Gains& gains : {Gains{}, Gains{{"a", 1}}}) {
    EXPECT_EQ(NdcgAt(10, {}, gains), 0);
    EXPECT_EQ(RecallAt(10, {}, gains), 0);
    EXPECT_EQ(ReciprocalRankAt(10, {}, gains), 0);
  }
  EXPECT_EQ(NdcgAt(10, kRanked, {}), 0);
  EXPECT_EQ(RecallAt(10, kRanked, {}), 0);
}

TEST(EvalMetricsTest, IntersectionOverUnion) {
  const demo_world::Box half = {0, 0, 0.5, 1};
  EXPECT_NEAR(IntersectionOverUnion(half, half), 1, 1e-9);
  EXPECT_NEAR(IntersectionOverUnion(half, {0.25, 0, 0.75, 1}), 0.25 / 0.75, 1e-9);
  EXPECT_EQ(IntersectionOverUnion(half, {0.5, 0, 1, 1}), 0);
  EXPECT_EQ(IntersectionOverUnion({0.2, 0.2, 0.2, 0.2}, {0.2, 0.2, 0.2, 0.2}), 0);
}

TEST(EvalMetricsTest, PercentilesAreSamples) {
  const std::vector<double> samples = {40, 10, 30, 20};
  EXPECT_EQ(Percentile(50, samples), 20);
  EXPECT_EQ(Percentile(51, samples), 30);
  EXPECT_EQ(Percentile(99, samples), 40);
  EXPECT_EQ(Percentile(50, {}), 0);
}

}  // namespace
}  // namespace sightline::cli
