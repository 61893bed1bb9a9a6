#include "index/segment_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace sightline::index {
namespace {

std::vector<int64_t> Joined(std::vector<int64_t> rows) {
  for (SegmentRun run = NextJoin(rows); run.count > 0; run = NextJoin(rows)) {
    const auto first = rows.begin() + static_cast<int64_t>(run.first);
    *first = std::accumulate(first, first + static_cast<int64_t>(run.count), int64_t{0});
    rows.erase(first + 1, first + static_cast<int64_t>(run.count));
  }
  return rows;
}

TEST(SegmentPlanTest, JoinsWhatTheNewerOnesOutweigh) {
  EXPECT_EQ(NextJoin({}).count, 0u);
  EXPECT_EQ(Joined({16}), (std::vector<int64_t>{16}));
  EXPECT_EQ(Joined({50, 16}), (std::vector<int64_t>{50, 16}));
  EXPECT_EQ(Joined({50, 16, 16}), (std::vector<int64_t>{50, 32}));
  // All of a run at once, not one after the other.
  const std::vector<int64_t> rows = {114, 32, 16, 16};
  EXPECT_EQ(NextJoin(rows).first, 1u);
  EXPECT_EQ(NextJoin(rows).count, 3u);
  // One that deletions have left small goes into what is newer.
  EXPECT_EQ(Joined({5, 900, 16}), (std::vector<int64_t>{921}));
}

TEST(SegmentPlanTest, AHeadIsJoinedAtOnceWhereThatTakesLittleMoreThanSealingIt) {
  const std::vector<int64_t> rows = {114, 32, 16};
  EXPECT_EQ(JoinWithHead(rows, 16).first, 1u);
  EXPECT_EQ(JoinWithHead(rows, 16).count, 2u);
  EXPECT_EQ(JoinWithHead(rows, 10).count, 0u);  // not outweighed
  // With 500: the links of 162 + 500 rows are no more than twice the head's, of the oldest none.
  EXPECT_EQ(JoinWithHead(rows, 500).count, 3u);
  EXPECT_EQ(JoinWithHead(std::vector<int64_t>{1000, 300, 90, 30}, 40).count, 1u);
  EXPECT_EQ(JoinWithHead(std::vector<int64_t>{600, 300, 200, 90}, 100).count, 0u);  // too much
  EXPECT_EQ(JoinWithHead({}, 50).count, 0u);
}

TEST(SegmentPlanTest, EachSegmentOutweighsAllNewerOnes) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> rows;
    for (uint32_t i = 0; i < random() % 12; ++i) rows.push_back(1 + random() % 1000);
    rows = Joined(std::move(rows));
    int64_t newer = 0;
    for (size_t i = rows.size(); i-- > 0; newer += rows[i]) EXPECT_GT(rows[i], newer);
  }
}

// As a collection grows with the corpus's defaults: 50,000 rows, then 16,385 at a time.
TEST(SegmentPlanTest, GrowingToAMillionTakesFewSegmentsAndFewWrites) {
  std::vector<int64_t> rows;
  double written = 0;
  double linked = 0;  // rows put into a graph; those of the oldest of the joined are there already
  double segments = 0;
  size_t most = 0;
  int64_t total = 0;
  int steps = 0;
  for (int64_t more = 50'000; total < 1'000'000; more = 16'385, ++steps) {
    const SegmentRun with_head = JoinWithHead(rows, more);
    rows.push_back(more);
    total += more;
    if (with_head.count == 0) {
      written += static_cast<double>(more);
      linked += static_cast<double>(more);
    }
    const SegmentRun run =
        with_head.count == 0 ? NextJoin(rows) : SegmentRun{with_head.first, with_head.count + 1};
    if (run.count > 0) {
      const int64_t join =
          std::accumulate(rows.begin() + static_cast<int64_t>(run.first), rows.end(), int64_t{0});
      written += static_cast<double>(join);
      linked += static_cast<double>(join - rows[run.first]);
      rows.resize(run.first);
      rows.push_back(join);
    }
    EXPECT_EQ(NextJoin(rows).count, 0u);
    segments += static_cast<double>(rows.size());
    most = std::max(most, rows.size());
  }
  EXPECT_LE(most, 5u);
  EXPECT_NEAR(segments / steps, 3.1, 0.05);
  EXPECT_NEAR(written / static_cast<double>(total), 3.1, 0.05);
  EXPECT_NEAR(linked / static_cast<double>(total), 1.9, 0.05);
}

}  // namespace
}  // namespace sightline::index
