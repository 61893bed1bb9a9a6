#include "index/vector_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
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

// Segments with a graph each, and the last rows behind them, as while documents are added. The
// parameter is how many segments there are.
class VectorSearchTest : public ::testing::TestWithParam<int> {
 protected:
  static void SetUpTestSuite() {
    ClusteredVectors vectors(kDimension, 300, 2);
    rows_ = new VectorRows(kDimension);
    // Passage numbers with gaps, as deletions leave them.
    for (uint32_t row = 0; row < kRows; ++row) {
      rows_->Append(row + row / 7 + 1, ToHalf(vectors.Next()).data());
    }
    for (int i = 0; i < 20; ++i) queries_.push_back(vectors.Next());
  }
  static void TearDownTestSuite() {
    delete rows_;
    views_.clear();
    queries_.clear();
  }

  static VectorRows Part(int64_t first, int64_t end) {
    VectorRows out(kDimension);
    for (int64_t row = first; row < end; ++row) out.Append(*rows_, row);
    return out;
  }

  void SetUp() override {
    const int64_t segments = GetParam();
    std::shared_ptr<View>& view = views_[GetParam()];
    if (view == nullptr) {
      view = std::make_shared<View>();
      HnswOptions options;
      options.links = 16;
      options.build_beam = 100;
      options.threads = 2;
      options.search_beam = 10;  // so that the measured recalls are below 1 and differ
      const int64_t sealed = kRows - 500;
      for (int64_t i = 0; i < segments; ++i) {
        auto segment = std::make_shared<Segment>();
        segment->rows = Part(sealed * i / segments, sealed * (i + 1) / segments);
        auto graph = HnswGraph::Build(segment->rows, nullptr, options, [] { return false; });
        ASSERT_THAT(graph, IsOk());
        segment->graph = *std::move(graph);
        view->segments.push_back(std::move(segment));
      }
      view->head = Part(sealed, kRows);
      view->counters.vectors = kRows;
    }
    view_ = view.get();
    // So that a walk is worth it in each segment too.
    graph_ = {.exact_below = 1000, .beam = segments == 1 ? 64 : 32};
  }

  static constexpr VectorSearchOptions kExact = {.exact_below = 1'000'000, .beam = 64};

  static void ExpectExact(const VectorSearchResult& found, const std::vector<float>& query,
                          const PassageSet& allowed, size_t n) {
    const auto truth = AllByHalves(*rows_, query, allowed);
    ASSERT_THAT(found.hits, SizeIs(std::min(n, truth.size())));
    for (size_t i = 0; i < found.hits.size(); ++i) {
      EXPECT_EQ(found.hits[i].number, truth[i].number);
      EXPECT_EQ(found.hits[i].score, truth[i].score);
    }
  }

  static VectorRows* rows_;
  static std::map<int, std::shared_ptr<View>> views_;
  static std::vector<std::vector<float>> queries_;
  const View* view_ = nullptr;
  VectorSearchOptions graph_;
};

VectorRows* VectorSearchTest::rows_ = nullptr;
std::map<int, std::shared_ptr<View>> VectorSearchTest::views_;
std::vector<std::vector<float>> VectorSearchTest::queries_;

INSTANTIATE_TEST_SUITE_P(Segments, VectorSearchTest, ::testing::Values(1, 3));

TEST_P(VectorSearchTest, AnExactAnswerIsThatOfComparingAllHalfFloats) {
  for (const double share : {1.0, 0.99, 0.5, 0.1, 0.01, 0.001}) {
    for (const Pick pick : {Pick::kRandom, Pick::kNearest, Pick::kFarthest}) {
      for (const int n : {1, 10, 300}) {
        const std::vector<float>& query = queries_[static_cast<size_t>(n) % queries_.size()];
        const PassageSet allowed = PickShare(*rows_, query, share, pick);
        ASSERT_OK_AND_ASSIGN(const auto found, SearchVectors(*view_, query, allowed, n, kExact,
                                                             absl::InfiniteFuture()));
        EXPECT_TRUE(found.exact);
        EXPECT_FALSE(found.recall.has_value());
        ExpectExact(found, query, allowed, static_cast<size_t>(n));
      }
    }
  }
}

TEST_P(VectorSearchTest, EqualVectorsComeInTheOrderOfTheirPassages) {
  View view;
  view.head = VectorRows(kDimension);
  PassageSet all;
  for (uint32_t row = 0; row < 9000; ++row) {
    view.head.Append(row + 1, ToHalf(queries_[row % 2]).data());
    all.Insert(row + 1);
  }
  view.counters.vectors = view.head.size();
  ASSERT_OK_AND_ASSIGN(const auto found,
                       SearchVectors(view, queries_[1], all, 5, kExact, absl::InfiniteFuture()));
  ASSERT_THAT(found.hits, SizeIs(5));
  for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(found.hits[i].number, 2 * i + 2);
}

TEST_P(VectorSearchTest, AnyFilterKeepsTheRecallAndNeverComesShort) {
  for (const double share : {0.5, 0.1, 0.01, 0.001, 0.0001}) {
    for (const Pick pick : {Pick::kRandom, Pick::kNearest, Pick::kFarthest}) {
      double right = 0;
      double wanted = 0;
      for (const auto& query : queries_) {
        const PassageSet allowed = PickShare(*rows_, query, share, pick);
        ASSERT_OK_AND_ASSIGN(const auto found, SearchVectors(*view_, query, allowed, kK, graph_,
                                                             absl::InfiniteFuture()));
        const auto truth = AllByHalves(*rows_, query, allowed);
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

TEST_P(VectorSearchTest, SaysWhetherAllWereCompared) {
  const PassageSet all = PickShare(*rows_, queries_[0], 1, Pick::kRandom);
  ASSERT_OK_AND_ASSIGN(const auto walked,
                       SearchVectors(*view_, queries_[0], all, kK, graph_, absl::InfiniteFuture()));
  EXPECT_FALSE(walked.exact);
  EXPECT_GT(walked.recall.value_or(0), 0.5);
  const PassageSet against = PickShare(*rows_, queries_[0], 0.6, Pick::kFarthest);
  ASSERT_OK_AND_ASSIGN(const auto compared, SearchVectors(*view_, queries_[0], against, kK, graph_,
                                                          absl::InfiniteFuture()));
  EXPECT_FALSE(compared.exact) << "by bounds that are likely to hold";
  EXPECT_EQ(compared.recall, 1);
  ExpectExact(compared, queries_[0], against, kK);
  const PassageSet few = PickShare(*rows_, queries_[0], 0.01, Pick::kFarthest);
  ASSERT_OK_AND_ASSIGN(const auto exact,
                       SearchVectors(*view_, queries_[0], few, kK, graph_, absl::InfiniteFuture()));
  EXPECT_TRUE(exact.exact);
}

TEST_P(VectorSearchTest, RowsBehindTheGraphAreFoundToo) {
  const int64_t row = rows_->size() - 3;
  std::vector<float> query(kDimension);
  BestKernels().widen(rows_->halves(row), kDimension, query.data());
  const PassageSet all = PickShare(*rows_, queries_[0], 1, Pick::kRandom);
  ASSERT_OK_AND_ASSIGN(const auto found,
                       SearchVectors(*view_, query, all, 1, graph_, absl::InfiniteFuture()));
  EXPECT_FALSE(found.exact);
  ASSERT_THAT(found.hits, SizeIs(1));
  EXPECT_EQ(found.hits[0].number, rows_->passage(row));
}

TEST_P(VectorSearchTest, HitsOfSeveralSegmentsAreNearlyThoseOfComparingAll) {
  const PassageSet all = PickShare(*rows_, queries_[0], 1, Pick::kRandom);
  int right = 0;
  for (const auto& query : queries_) {
    ASSERT_OK_AND_ASSIGN(const auto found,
                         SearchVectors(*view_, query, all, kK, graph_, absl::InfiniteFuture()));
    EXPECT_FALSE(found.exact);
    ASSERT_THAT(found.hits, SizeIs(kK));
    const auto truth = AllByHalves(*rows_, query, all);
    for (size_t i = 0; i < kK; ++i) {
      EXPECT_FALSE(Better(found.hits[i], found.hits[i == 0 ? 0 : i - 1]));
      right += found.hits[i].score >= truth[kK - 1].score;
    }
  }
  EXPECT_GE(right, 0.97 * kK * static_cast<double>(queries_.size()));
}

TEST_P(VectorSearchTest, RecallIsTheMeanOfTheWalkedGraphsByTheirRows) {
  const PassageSet all = PickShare(*rows_, queries_[0], 1, Pick::kRandom);
  double sum = 0;
  double rows = 0;
  for (const SegmentPtr& segment : view_->segments) {
    rows += static_cast<double>(segment->rows.size());
    sum += static_cast<double>(segment->rows.size()) * segment->graph->recall();
  }
  ASSERT_LT(sum, rows);
  ASSERT_OK_AND_ASSIGN(const auto found,
                       SearchVectors(*view_, queries_[0], all, kK, graph_, absl::InfiniteFuture()));
  EXPECT_FLOAT_EQ(found.recall.value_or(0), static_cast<float>(sum / rows));
}

TEST_P(VectorSearchTest, ASegmentWithoutAGraphIsCompared) {
  View view = *view_;
  auto bare = std::make_shared<Segment>(*view.segments[0]);
  bare->graph = nullptr;
  view.segments[0] = bare;
  const PassageSet all = PickShare(*rows_, queries_[0], 1, Pick::kRandom);
  std::vector<float> query(kDimension);
  for (const int64_t row : {int64_t{0}, bare->rows.size() - 1}) {
    BestKernels().widen(bare->rows.halves(row), kDimension, query.data());
    ASSERT_OK_AND_ASSIGN(const auto found,
                         SearchVectors(view, query, all, 1, graph_, absl::InfiniteFuture()));
    EXPECT_EQ(found.exact, view.segments.size() == 1);
    ASSERT_THAT(found.hits, SizeIs(1));
    EXPECT_EQ(found.hits[0].number, bare->rows.passage(row));
  }
}

TEST_P(VectorSearchTest, AFilterIsAppliedToEachSegmentByItself) {
  // All of the first segment, little of the others: the first is walked, the others compared.
  const VectorRows& first = view_->segments[0]->rows;
  PassageSet allowed;
  for (int64_t row = 0; row < kRows; ++row) {
    const uint32_t passage = rows_->passage(row);
    if (passage <= first.last_passage() || row % 50 == 0) allowed.Insert(passage);
  }
  double right = 0;
  for (const auto& query : queries_) {
    ASSERT_OK_AND_ASSIGN(const auto found,
                         SearchVectors(*view_, query, allowed, kK, graph_, absl::InfiniteFuture()));
    EXPECT_FALSE(found.exact);
    EXPECT_FLOAT_EQ(found.recall.value_or(0), view_->segments[0]->graph->recall());
    const auto truth = AllByHalves(*rows_, query, allowed);
    ASSERT_THAT(found.hits, SizeIs(kK));
    for (const ScoredPassage& hit : found.hits) {
      EXPECT_TRUE(allowed.Contains(hit.number));
      right += hit.score >= truth[kK - 1].score;
    }
  }
  EXPECT_GE(right, 0.97 * kK * static_cast<double>(queries_.size()));
}

TEST_P(VectorSearchTest, FindsThePassagesOfEverySegment) {
  for (int64_t row = 0; row < kRows; row += 97) {
    const auto place = view_->RowOf(rows_->passage(row));
    ASSERT_TRUE(place.has_value());
    EXPECT_EQ(place->rows->Stored(place->row), rows_->Stored(row));
  }
  EXPECT_FALSE(view_->RowOf(8).has_value());  // a gap in the numbers
  EXPECT_FALSE(view_->RowOf(rows_->last_passage() + 1).has_value());
  EXPECT_EQ(view_->rows(), kRows);
}

TEST_P(VectorSearchTest, StopsWhenTimeIsUp) {
  const PassageSet all = PickShare(*rows_, queries_[0], 1, Pick::kRandom);
  for (const auto& options : {graph_, kExact}) {
    EXPECT_THAT(SearchVectors(*view_, queries_[0], all, kK, options, absl::InfinitePast()),
                StatusIs(absl::StatusCode::kDeadlineExceeded));
  }
}

}  // namespace
}  // namespace sightline::index
