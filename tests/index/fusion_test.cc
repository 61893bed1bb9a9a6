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

}  // namespace
}  // namespace sightline::index
