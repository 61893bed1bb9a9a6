#include "index/hnsw_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "index/hnsw_walk.h"
#include "tests/index/clustered_vectors.h"
#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kDimension = 48;
constexpr int kRows = 12'000;
constexpr int kK = 10;

HnswOptions Options() {
  HnswOptions options;
  options.links = 16;
  options.build_beam = 100;
  options.threads = 2;
  options.search_beam = 64;
  return options;
}

bool Never() { return false; }

// One graph for all tests: building takes a second.
class HnswGraphTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ClusteredVectors vectors(kDimension, 200, 1);
    rows_ = new VectorRows(kDimension);
    for (uint32_t row = 0; row < kRows; ++row) {
      rows_->Append(2 * row + 1, ToHalf(vectors.Next()).data());
    }
    for (int i = 0; i < 40; ++i) queries_.push_back(vectors.Next());
    auto graph = HnswGraph::Build(*rows_, nullptr, Options(), Never);
    ASSERT_THAT(graph, IsOk());
    graph_ = graph->release();
  }
  static void TearDownTestSuite() {
    delete graph_;
    delete rows_;
    queries_.clear();
  }

  static PassageSet All() { return PickShare(*rows_, queries_[0], 1, Pick::kRandom); }

  // Of the true ten nearest allowed; empty where the graph leaves the search to a comparison.
  static std::optional<double> Recall(const HnswGraph& graph, const std::vector<float>& query,
                                      int beam, const PassageSet& allowed) {
    auto found = graph.Search(query, kK, beam, allowed);
    EXPECT_THAT(found, IsOk());
    if (found->size() < kK) return std::nullopt;
    const auto truth = AllByHalves(*rows_, query, allowed);
    int right = 0;
    for (const RowScore& hit : *found) {
      EXPECT_TRUE(allowed.Contains(rows_->passage(hit.row)));
      EXPECT_EQ(hit.score, BestKernels().dot(query.data(), rows_->halves(hit.row), query.size()));
      right += hit.score >= truth[kK - 1].score;
    }
    return right / static_cast<double>(kK);
  }

  static double MeanRecall(const HnswGraph& graph, int beam) {
    const PassageSet all = All();
    double sum = 0;
    for (const auto& query : queries_) sum += Recall(graph, query, beam, all).value_or(0);
    return sum / static_cast<double>(queries_.size());
  }

  static VectorRows* rows_;
  static const HnswGraph* graph_;
  static std::vector<std::vector<float>> queries_;
};

VectorRows* HnswGraphTest::rows_ = nullptr;
const HnswGraph* HnswGraphTest::graph_ = nullptr;
std::vector<std::vector<float>> HnswGraphTest::queries_;

TEST_F(HnswGraphTest, FindsTheNearest) {
  EXPECT_GT(MeanRecall(*graph_, 64), 0.98);
  EXPECT_GT(graph_->recall(), 0.95);
}

TEST_F(HnswGraphTest, HitsAreDistinctBestFirstAndAsManyAsWanted) {
  ASSERT_OK_AND_ASSIGN(const auto found, graph_->Search(queries_[0], 50, 60, All()));
  ASSERT_THAT(found, SizeIs(50));
  std::set<int64_t> rows;
  for (size_t i = 0; i < found.size(); ++i) {
    rows.insert(found[i].row);
    EXPECT_GE(found[i == 0 ? 0 : i - 1].score, found[i].score);
  }
  EXPECT_THAT(rows, SizeIs(50));
}

TEST_F(HnswGraphTest, AFilterThatHasNothingToDoWithTheQueryIsWalked) {
  for (const double share : {0.9, 0.5, 0.2, 0.1}) {
    double sum = 0;
    int walked = 0;
    for (const auto& query : queries_) {
      const PassageSet allowed = PickShare(*rows_, query, share, Pick::kRandom);
      const auto recall = Recall(*graph_, query, 96, allowed);
      sum += recall.value_or(1);
      walked += recall.has_value();
    }
    EXPECT_GE(sum / static_cast<double>(queries_.size()), 0.98) << share;
    EXPECT_GE(walked, 30) << share;
  }
}

TEST_F(HnswGraphTest, AFilterForTheQueryIsWalked) {
  for (const double share : {0.5, 0.1}) {
    for (const auto& query : queries_) {
      const PassageSet allowed = PickShare(*rows_, query, share, Pick::kNearest);
      EXPECT_GE(Recall(*graph_, query, 96, allowed).value_or(0), 0.9) << share;
    }
  }
}

TEST_F(HnswGraphTest, AFilterAgainstTheQueryIsLeftToAComparison) {
  for (const double share : {0.5, 0.1}) {
    for (const auto& query : queries_) {
      const PassageSet allowed = PickShare(*rows_, query, share, Pick::kFarthest);
      EXPECT_THAT(*graph_->Search(query, kK, 96, allowed), IsEmpty());
    }
  }
}

TEST_F(HnswGraphTest, AWalkIsGivenUpWhereItsFirstBeamHoldsFarTooFewOfMany) {
  EXPECT_TRUE(GivesUpAtOnce(0.5, 128, 0));
  EXPECT_TRUE(GivesUpAtOnce(0.5, 128, 15));
  EXPECT_FALSE(GivesUpAtOnce(0.5, 128, 16));
  EXPECT_FALSE(GivesUpAtOnce(0.1, 128, 0)) << "as few as chance might have left";
  EXPECT_TRUE(GivesUpAtOnce(0.1, 256, 0));
  EXPECT_FALSE(GivesUpAtOnce(0.99, 128, 0)) << "a document's nearest are its own, left out";
}

TEST_F(HnswGraphTest, NothingAllowedFindsNothing) {
  EXPECT_THAT(*graph_->Search(queries_[0], kK, 96, PassageSet()), IsEmpty());
}

TEST_F(HnswGraphTest, ManyWalksAndThreadsGiveTheSameAnswers) {
  const PassageSet all = All();
  ASSERT_OK_AND_ASSIGN(const auto expected, graph_->Search(queries_[3], kK, 64, all));
  const auto walk = [&] {
    // More walks than the visited table has numbers for.
    for (int i = 0; i < 600; ++i) {
      auto found = graph_->Search(queries_[i % 2 == 0 ? 3 : 5], kK, 64, all);
      ASSERT_THAT(found, IsOk());
      if (i % 2 != 0) continue;
      ASSERT_EQ(found->size(), expected.size());
      for (int j = 0; j < kK; ++j) ASSERT_EQ((*found)[j].row, expected[j].row);
    }
  };
  std::thread other(walk);
  walk();
  other.join();
}

TEST_F(HnswGraphTest, GrowsFromAGraphOfTheFirstRows) {
  ASSERT_OK_AND_ASSIGN(const auto part,
                       HnswGraph::Build(rows_->Prefix(7000), nullptr, Options(), Never));
  EXPECT_EQ(part->size(), 7000);
  ASSERT_OK_AND_ASSIGN(const auto whole, HnswGraph::Build(*rows_, part.get(), Options(), Never));
  EXPECT_EQ(whole->size(), kRows);
  EXPECT_GT(MeanRecall(*whole, 64), 0.98);
}

TEST_F(HnswGraphTest, StopsWhenAsked) {
  EXPECT_THAT(HnswGraph::Build(*rows_, nullptr, Options(), [] { return true; }),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(HnswGraphTest, SavedAndLoadedItAnswersTheSame) {
  std::string bytes;
  ASSERT_THAT(graph_->Save([&](absl::string_view part) {
    bytes.append(part.data(), part.size());
    return absl::OkStatus();
  }),
              IsOk());
  size_t at = 0;
  ASSERT_OK_AND_ASSIGN(const auto loaded, HnswGraph::Load(*rows_, [&](char* out, size_t size) {
                         if (bytes.size() - at < size) return absl::DataLossError("too short");
                         std::memcpy(out, bytes.data() + at, size);
                         at += size;
                         return absl::OkStatus();
                       }));
  EXPECT_EQ(at, bytes.size());
  const PassageSet all = All();
  for (const auto& query : queries_) {
    ASSERT_OK_AND_ASSIGN(const auto before, graph_->Search(query, kK, 64, all));
    ASSERT_OK_AND_ASSIGN(const auto after, loaded->Search(query, kK, 64, all));
    ASSERT_EQ(before.size(), after.size());
    for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].row, after[i].row);
  }
}

// Of long vectors a part is looked at first. `silent` of the values say nothing: they are zero.
double RecallOfLongVectors(int dimension, int silent) {
  constexpr int kQueries = 30;
  ClusteredVectors vectors(dimension - silent, 60, 4);
  const auto next = [&] {
    std::vector<float> out(silent, 0);
    const std::vector<float> rest = vectors.Next();
    out.insert(out.end(), rest.begin(), rest.end());
    return out;
  };
  VectorRows rows(dimension);
  PassageSet all;
  for (uint32_t row = 1; row <= 4000; ++row) {
    rows.Append(row, ToHalf(next()).data());
    all.Insert(row);
  }
  auto graph = HnswGraph::Build(rows, nullptr, Options(), Never);
  if (!graph.ok()) return 0;
  int right = 0;
  for (int i = 0; i < kQueries; ++i) {
    const std::vector<float> query = next();
    const auto truth = AllByHalves(rows, query, all);
    auto found = (*graph)->Search(query, kK, 64, all);
    if (!found.ok()) return 0;
    for (const RowScore& hit : *found) right += hit.score >= truth[kK - 1].score;
  }
  return right / static_cast<double>(kK * kQueries);
}

TEST(LongVectorsTest, ComparingAPartFirstKeepsTheRecall) {
  EXPECT_GE(RecallOfLongVectors(512, 0), 0.98);
  EXPECT_GE(RecallOfLongVectors(700, 0), 0.98);
}

TEST(LongVectorsTest, APartThatSaysNothingOrHalfOfItKeepsTheRecall) {
  EXPECT_GE(RecallOfLongVectors(512, 128), 0.98);
  EXPECT_GE(RecallOfLongVectors(512, 100), 0.98);
}

TEST(SmallHnswGraphTest, OneRowAndNone) {
  VectorRows rows(kDimension);
  ASSERT_OK_AND_ASSIGN(const auto empty, HnswGraph::Build(rows, nullptr, Options(), Never));
  ClusteredVectors vectors(kDimension, 2, 1);
  const std::vector<float> only = vectors.Next();
  EXPECT_THAT(*empty->Search(only, 1, 8, PassageSet()), IsEmpty());
  rows.Append(9, ToHalf(only).data());
  ASSERT_OK_AND_ASSIGN(const auto graph, HnswGraph::Build(rows, nullptr, Options(), Never));
  PassageSet allowed;
  allowed.Insert(9);
  ASSERT_OK_AND_ASSIGN(const auto found, graph->Search(only, 1, 8, allowed));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].row, 0);
}

}  // namespace
}  // namespace sightline::index
