#include "index/fusion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sightline::index {
namespace {

using ::testing::ElementsAre;

// Passages from 100 on are pictures without words.
bool Wordless(uint32_t number) { return number >= 100; }

std::vector<ScoredPassage> List(const std::vector<uint32_t>& numbers) {
  std::vector<ScoredPassage> out;
  for (const uint32_t number : numbers) {
    out.push_back({number, 1 - 0.01f * static_cast<float>(out.size())});
  }
  return out;
}

std::vector<FusedPassage> Fuse(const std::vector<uint32_t>& dense,
                               const std::vector<uint32_t>& lexical) {
  return FuseByRank(List(dense), List(lexical), Wordless);
}

std::vector<uint32_t> Order(const std::vector<FusedPassage>& fused) {
  std::vector<uint32_t> out;
  for (const FusedPassage& passage : fused) out.push_back(passage.number);
  return out;
}

TEST(FusionTest, PassagesWithWordsGetWhatBothListsGive) {
  const std::vector<FusedPassage> fused = Fuse({1, 2, 3}, {3, 4});
  EXPECT_THAT(Order(fused), ElementsAre(3, 1, 2, 4));
  EXPECT_FLOAT_EQ(fused[0].score, 1.0f / 63 + 1.0f / 61);
  EXPECT_FLOAT_EQ(fused[0].dense_part, 1.0f / 63);
  EXPECT_FLOAT_EQ(fused[0].lexical_part, 1.0f / 61);
  EXPECT_EQ(fused[0].dense_rank, 3);
  EXPECT_EQ(fused[3].dense_rank, 0);
  EXPECT_FALSE(fused[3].dense.has_value());
}

TEST(FusionTest, APictureFoundFirstStandsBesideTheBestText) {
  // Texts that share a common word with the question stand in both lists.
  const std::vector<FusedPassage> fused = Fuse({100, 101, 1, 2, 3}, {1, 2, 3});
  EXPECT_THAT(Order(fused), ElementsAre(1, 100, 2, 101, 3));
  for (const FusedPassage& passage : fused) {
    EXPECT_FLOAT_EQ(passage.score, passage.dense_part + passage.lexical_part);
  }
}

TEST(FusionTest, ManyPicturesDoNotPassTheOneTextThatHoldsTheWord) {
  const std::vector<FusedPassage> fused = Fuse({100, 101, 102, 103, 104, 105, 106, 1}, {2});
  EXPECT_THAT(Order(fused).front(), 2u);
}

TEST(FusionTest, APictureStandsWhereTheDenseListHasIt) {
  EXPECT_THAT(Order(Fuse({1, 2, 3, 100}, {1, 2, 3})), ElementsAre(1, 2, 3, 100));
}

TEST(FusionTest, WithoutWordsFoundTheOrderIsTheDenseLists) {
  EXPECT_THAT(Order(Fuse({100, 1, 101, 102, 2, 103}, {})), ElementsAre(100, 1, 101, 102, 2, 103));
}

TEST(FusionTest, ScoresAreSharesOfTheWayFromChanceToTheBestThereCanBe) {
  const std::vector<ScoredPassage> dense = {{1, 0.9f}, {2, 0.5f}};
  const std::vector<ScoredPassage> lexical = {{2, 6}, {3, 3}};
  const std::vector<ScoredPassage> more_dense = {{3, 0.1f}};
  const ScoreScales scales = {.dense_weight = 0.75f, .chance = 0.1f, .ceiling = 12};
  const auto fused = FuseByScore(dense, lexical, more_dense, {}, scales, Wordless);
  EXPECT_THAT(Order(fused), ElementsAre(1, 2, 3));
  EXPECT_NEAR(fused[0].score, 0.75 * 0.8 / 0.9, 1e-6);
  EXPECT_NEAR(fused[1].dense_part, 0.75 * 0.4 / 0.9, 1e-6);
  EXPECT_NEAR(fused[1].lexical_part, 0.25 * 0.5, 1e-6);
  EXPECT_NEAR(fused[2].score, 0.25 * 0.25, 1e-6);
  EXPECT_EQ(fused[2].dense_rank, 0);
  EXPECT_EQ(fused[2].lexical_rank, 2);

  // By words alone, and by what the lexical list was too short for.
  const ScoreScales words = {.dense_weight = 0, .chance = 0.1f, .ceiling = 12};
  const std::vector<ScoredPassage> more_lexical = {{1, 5}, {2, 6}};
  EXPECT_THAT(Order(FuseByScore(dense, lexical, more_dense, more_lexical, words, Wordless)),
              ElementsAre(2, 1, 3));
}

TEST(FusionTest, OfScoresTooAPictureStandsWhereTheDenseListHasIt) {
  const std::vector<ScoredPassage> dense = {{100, 0.8f}, {1, 0.4f}, {101, 0.3f}};
  const std::vector<ScoredPassage> lexical = {{1, 6}, {2, 5}};
  const ScoreScales scales = {.dense_weight = 0.5f, .chance = 0, .ceiling = 6};
  const auto fused = FuseByScore(dense, lexical, {}, {}, scales, Wordless);
  EXPECT_THAT(Order(fused), ElementsAre(1, 100, 2, 101));
  // No word stands anywhere: the nearest alone count.
  const ScoreScales no_words = {.dense_weight = 0.5f, .chance = 0, .ceiling = 0};
  EXPECT_THAT(Order(FuseByScore(dense, {}, {}, {}, no_words, Wordless)), ElementsAre(100, 1, 101));
}

}  // namespace
}  // namespace sightline::index
