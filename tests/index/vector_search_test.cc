#include "index/vector_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/index/clustered_vectors.h"
#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::SizeIs;

constexpr int kDimension = 40;
constexpr uint32_t kRows = 14'000;
constexpr int kK = 10;

// A view with a graph over all but the last rows, as while documents are added.
class VectorSearchTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ClusteredVectors vectors(kDimension, 300, 2);
    view_ = new View();
    view_->rows = VectorRows(kDimension);
    // Passage numbers with gaps, as deletions leave them.
    for (uint32_t row = 0; row < kRows; ++row) {
      view_->rows.Append(row + row / 7 + 1, ToHalf(vectors.Next()).data());
    }
    view_->counters.vectors = kRows;
    HnswOptions options;
    options.links = 16;
    options.build_beam = 100;
    options.threads = 2;
    auto graph =
        HnswGraph::Build(view_->rows.Prefix(kRows - 500), nullptr, options, [] { return false; });
    ASSERT_THAT(graph, IsOk());
    view_->graph = *std::move(graph);
    for (int i = 0; i < 20; ++i) queries_.push_back(vectors.Next());
  }
  static void TearDownTestSuite() {
    delete view_;
    queries_.clear();
  }

  static constexpr VectorSearchOptions kGraph = {.exact_below = 1000, .beam = 64};
  static constexpr VectorSearchOptions kExact = {.exact_below = 1'000'000, .beam = 64};

  static void ExpectExact(const VectorSearchResult& found, const std::vector<float>& query,
                          const PassageSet& allowed, size_t n) {
    const auto truth = AllByHalves(view_->rows, query, allowed);
    ASSERT_THAT(found.hits, SizeIs(std::min(n, truth.size())));
    for (size_t i = 0; i < found.hits.size(); ++i) {
      EXPECT_EQ(found.hits[i].number, truth[i].number);
      EXPECT_EQ(found.hits[i].score, truth[i].score);
    }
  }

  static View* view_;
  static std::vector<std::vector<float>> queries_;
};

View* VectorSearchTest::view_ = nullptr;
std::vector<std::vector<float>> VectorSearchTest::queries_;

TEST_F(VectorSearchTest, AnExactAnswerIsThatOfComparingAllHalfFloats) {
  for (const double share : {1.0, 0.99, 0.5, 0.1, 0.01, 0.001}) {
    for (const Pick pick : {Pick::kRandom, Pick::kNearest, Pick::kFarthest}) {
      for (const int n : {1, 10, 300}) {
        const std::vector<float>& query = queries_[static_cast<size_t>(n) % queries_.size()];
        const PassageSet allowed = PickShare(view_->rows, query, share, pick);
        ASSERT_OK_AND_ASSIGN(const auto found, SearchVectors(*view_, query, allowed, n, kExact,
                                                             absl::InfiniteFuture()));
        EXPECT_TRUE(found.exact);
        EXPECT_FALSE(found.recall.has_value());
        ExpectExact(found, query, allowed, static_cast<size_t>(n));
      }
    }
  }
}

TEST_F(VectorSearchTest, EqualVectorsComeInTheOrderOfTheirPassages) {
  View view;
  view.rows = VectorRows(kDimension);
  PassageSet all;
  for (uint32_t row = 0; row < 9000; ++row) {
    view.rows.Append(row + 1, ToHalf(queries_[row % 2]).data());
    all.Insert(row + 1);
  }
  view.counters.vectors = view.rows.size();
  ASSERT_OK_AND_ASSIGN(const auto found,
                       SearchVectors(view, queries_[1], all, 5, kExact, absl::InfiniteFuture()));
  ASSERT_THAT(found.hits, SizeIs(5));
  for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(found.hits[i].number, 2 * i + 2);
}

TEST_F(VectorSearchTest, AnyFilterKeepsTheRecallAndNeverComesShort) {
  for (const double share : {0.5, 0.1, 0.01, 0.001, 0.0001}) {
    for (const Pick pick : {Pick::kRandom, Pick::kNearest, Pick::kFarthest}) {
      double right = 0;
      double wanted = 0;
      for (const auto& query : queries_) {
        const PassageSet allowed = PickShare(view_->rows, query, share, pick);
        ASSERT_OK_AND_ASSIGN(const auto found, SearchVectors(*view_, query, allowed, kK, kGraph,
                                                             absl::InfiniteFuture()));
        const auto truth = AllByHalves(view_->rows, query, allowed);
        const size_t most = std::min<size_t>(kK, truth.size());
        ASSERT_THAT(found.hits, SizeIs(most));
        wanted += static_cast<double>(most);
        for (const ScoredPassage& hit : found.hits) {
          EXPECT_TRUE(allowed.Contains(hit.number));
          right += hit.score >= truth[most - 1].score;
        }
      }
      EXPECT_GE(right / wanted, 0.98) << "share " << share << " pick " << static_cast<int>(pick);
    }
  }
}

TEST_F(VectorSearchTest, SaysWhetherAllWereCompared) {
  const PassageSet all = PickShare(view_->rows, queries_[0], 1, Pick::kRandom);
  ASSERT_OK_AND_ASSIGN(const auto walked,
                       SearchVectors(*view_, queries_[0], all, kK, kGraph, absl::InfiniteFuture()));
  EXPECT_FALSE(walked.exact);
  EXPECT_GT(walked.recall.value_or(0), 0.9);
  const PassageSet against = PickShare(view_->rows, queries_[0], 0.5, Pick::kFarthest);
  ASSERT_OK_AND_ASSIGN(const auto compared, SearchVectors(*view_, queries_[0], against, kK, kGraph,
                                                          absl::InfiniteFuture()));
  EXPECT_TRUE(compared.exact);
  ExpectExact(compared, queries_[0], against, kK);
}

TEST_F(VectorSearchTest, RowsBehindTheGraphAreFoundToo) {
  const int64_t row = view_->rows.size() - 3;
  std::vector<float> query(kDimension);
  BestKernels().widen(view_->rows.halves(row), kDimension, query.data());
  const PassageSet all = PickShare(view_->rows, queries_[0], 1, Pick::kRandom);
  ASSERT_OK_AND_ASSIGN(const auto found,
                       SearchVectors(*view_, query, all, 1, kGraph, absl::InfiniteFuture()));
  EXPECT_FALSE(found.exact);
  ASSERT_THAT(found.hits, SizeIs(1));
  EXPECT_EQ(found.hits[0].number, view_->rows.passage(row));
}

TEST_F(VectorSearchTest, StopsWhenTimeIsUp) {
  const PassageSet all = PickShare(view_->rows, queries_[0], 1, Pick::kRandom);
  for (const auto& options : {kGraph, kExact}) {
    EXPECT_THAT(SearchVectors(*view_, queries_[0], all, kK, options, absl::InfinitePast()),
                StatusIs(absl::StatusCode::kDeadlineExceeded));
  }
}

}  // namespace
}  // namespace sightline::index
