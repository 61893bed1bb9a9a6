#include "index/shared_beam.h"

#include <gtest/gtest.h>

#include "index/hnsw_graph.h"
#include "tests/index/clustered_vectors.h"
#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

TEST(SharedBeamTest, ItsFloorIsTheWorstOfTheBestScores) {
  SharedBeam beam(3);
  for (const float score : {5.0f, -1.0f}) beam.Add(score);
  EXPECT_LT(beam.Floor(), -1e30f) << "not full yet";
  beam.Add(2);
  EXPECT_EQ(beam.Floor(), -1);
  beam.Add(-2);
  EXPECT_EQ(beam.Floor(), -1);
  beam.Add(4);
  EXPECT_EQ(beam.Floor(), 2);
}

// A walk finds what is better than all that others met, and as many as are wanted, whatever they
// met: rows that are much worse than its own, about as good, or beyond reach.
TEST(SharedBeamTest, AWalkBehindOthersStillFindsItsBest) {
  constexpr int kDimension = 48;
  constexpr int kK = 10;
  constexpr int kBeam = 64;
  testing::ClusteredVectors vectors(kDimension, 100, 6);
  VectorRows rows(kDimension);
  PassageSet all;
  for (uint32_t row = 1; row <= 6000; ++row) {
    rows.Append(row, ToHalf(vectors.Next()).data());
    all.Insert(row);
  }
  HnswOptions options;
  options.links = 16;
  options.build_beam = 100;
  ASSERT_OK_AND_ASSIGN(const auto graph,
                       HnswGraph::Build(rows, nullptr, options, [] { return false; }));
  int right = 0;
  for (int i = 0; i < 30; ++i) {
    const std::vector<float> query = vectors.Next();
    const auto truth = AllByHalves(rows, query, all);
    for (const float met : {-1e9f, 1e9f}) {
      SharedBeam shared(kBeam);
      for (int j = 0; j < kBeam; ++j) shared.Add(met);
      ASSERT_OK_AND_ASSIGN(const auto found, graph->Search(query, kK, kBeam, all, &shared));
      ASSERT_EQ(found.size(), static_cast<size_t>(kK));
      if (met > 0) continue;
      for (const RowScore& hit : found) right += hit.score >= truth[kK - 1].score;
      EXPECT_GT(shared.Floor(), met) << "what it met counts for the next";
    }
  }
  EXPECT_GE(right, 0.97 * 30 * kK);
}

}  // namespace
}  // namespace sightline::index
