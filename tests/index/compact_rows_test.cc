#include "index/compact_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/vector_search.h"
#include "tests/index/clustered_vectors.h"
#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

constexpr int kDimension = 64;
constexpr uint32_t kRows = 6'000;
constexpr int kK = 10;

class CompactRowsTest : public ::testing::TestWithParam<VectorCodes> {
 protected:
  void SetUp() override {
    ClusteredVectors vectors(kDimension, 200, 2);
    auto segment = std::make_shared<Segment>();
    segment->rows = VectorRows(kDimension, GetParam(), kRows, nullptr);
    for (uint32_t row = 0; row < kRows; ++row) {
      segment->rows.Append(row + row / 70 + 1, ToHalf(vectors.Next()).data());
    }
    ASSERT_OK_AND_ASSIGN(segment->compact,
                         CompactRows::Build(segment->rows, 1, [] { return false; }));
    for (int i = 0; i < 12; ++i) queries_.push_back(vectors.Next());
    view_.head = VectorRows(kDimension, GetParam());
    view_.counters.vectors = kRows;
    view_.segments.push_back(std::move(segment));
  }
  const VectorRows& rows() const { return view_.segments[0]->rows; }

  // The share of the true ten nearest that is found, and how many searches were exact.
  std::pair<double, int> Find(double share, Pick pick) {
    int right = 0;
    int exact = 0;
    for (const std::vector<float>& query : queries_) {
      const PassageSet allowed = PickShare(rows(), query, share, pick);
      const auto truth = AllByHalves(rows(), query, allowed);
      const auto found =
          SearchVectors(view_, query, allowed, kK, {.exact_below = 0}, absl::InfiniteFuture());
      EXPECT_THAT(found, testing::IsOk());
      exact += found->exact;
      EXPECT_THAT(found->hits, ::testing::SizeIs(kK));
      for (const ScoredPassage& hit : found->hits) {
        EXPECT_TRUE(allowed.Contains(hit.number));
        right += hit.score >= truth[kK - 1].score;
      }
    }
    return {right / (1.0 * kK * static_cast<double>(queries_.size())), exact};
  }

  std::vector<std::vector<float>> queries_;
  View view_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, CompactRowsTest,
                         ::testing::Values(VectorCodes::kBinary, VectorCodes::kPq));

TEST_P(CompactRowsTest, MostOfTheNearestAreFound) {
  const auto [recall, exact] = Find(1, Pick::kRandom);
  EXPECT_GE(recall, 0.9);
  EXPECT_EQ(exact, 0);
  EXPECT_GE(view_.segments[0]->compact->recall(), 0.9f);
  EXPECT_GE(Find(0.3, Pick::kRandom).first, 0.9);
}

TEST_P(CompactRowsTest, AFilterThatWorksAgainstTheQueryIsAnsweredToo) {
  const auto [recall, exact] = Find(0.4, Pick::kFarthest);
  EXPECT_GE(recall, 0.9);
  // Codes of all lists tell the far ones apart by themselves.
  if (GetParam() == VectorCodes::kBinary) {
    EXPECT_GE(exact, 6);
  }
}

}  // namespace
}  // namespace sightline::index
