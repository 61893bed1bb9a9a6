#include "index/segment_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "index/background_thread.h"
#include "tests/index/clustered_vectors.h"
#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::SizeIs;

constexpr int kDimension = 24;

bool Never() { return false; }

class SegmentBuilderTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TempDir::Create("segment"));
    place_ = {folder_->path() + "/1", {1, kDimension, "model"}, GetParam()};
    options_.links = 8;
    options_.build_beam = 40;
    options_.search_beam = 40;
    ClusteredVectors vectors(kDimension, 50, 3);
    for (uint32_t row = 0; row < 900; ++row) {
      VectorRows& rows = row < 500 ? first_ : second_;
      rows.Append(3 * row + 1, ToHalf(vectors.Next()).data());
      live_.Insert(3 * row + 1);
    }
  }

  // Every passage of `expected`, and nothing else, with its half floats and bytes.
  void ExpectRows(const Segment& segment, const PassageSet& expected) {
    ASSERT_EQ(segment.rows.size(), expected.size());
    EXPECT_EQ(CountOf(segment.rows, expected), expected.size());
    for (const VectorRows* const from : {&first_, &second_}) {
      for (int64_t row = 0; row < from->size(); ++row) {
        if (!expected.Contains(from->passage(row))) continue;
        const int64_t to = segment.rows.RowOf(from->passage(row));
        ASSERT_GE(to, 0);
        EXPECT_EQ(std::memcmp(segment.rows.halves(to), from->halves(row), 2 * kDimension), 0);
        EXPECT_EQ(std::memcmp(segment.rows.code(to), from->code(row), CodeStride(kDimension)), 0);
        EXPECT_EQ(std::memcmp(&segment.rows.head(to), &from->head(row), sizeof(RowHead)), 0);
      }
    }
  }
  static int64_t CountOf(const VectorRows& rows, const PassageSet& set) {
    int64_t count = 0;
    for (int64_t row = 0; row < rows.size(); ++row) count += set.Contains(rows.passage(row));
    return count;
  }

  std::unique_ptr<TempDir> folder_;
  SegmentPlace place_;
  HnswOptions options_;
  VectorRows first_{kDimension};
  VectorRows second_{kDimension};
  PassageSet live_;
};

INSTANTIATE_TEST_SUITE_P(Mapped, SegmentBuilderTest, ::testing::Bool());

TEST_P(SegmentBuilderTest, JoinsRowsAndDropsDeadOnes) {
  live_.Remove(1, 300);
  live_.Remove(2000, 100);
  const SegmentParts parts = {{first_, second_}, live_, nullptr};
  ASSERT_OK_AND_ASSIGN(const SegmentPtr segment, BuildSegment(parts, place_, options_, Never));
  ExpectRows(*segment, live_);
  ASSERT_NE(segment->graph, nullptr);
  EXPECT_EQ(segment->graph->size(), live_.size());
  EXPECT_EQ(segment->number, 1u);
}

TEST_P(SegmentBuilderTest, AGraphToStartFromKeepsItsRows) {
  const SegmentParts some = {{first_}, live_, nullptr};
  ASSERT_OK_AND_ASSIGN(const SegmentPtr before, BuildSegment(some, place_, options_, Never));
  PassageSet expected = live_;
  expected.Remove(2000, 100);  // of the second
  live_ = expected;
  live_.Remove(1, 30);  // of the first
  const SegmentParts parts = {{before->rows, second_}, live_, before->graph};
  ASSERT_OK_AND_ASSIGN(const SegmentPtr segment, BuildSegment(parts, place_, options_, Never));
  ExpectRows(*segment, expected);
  EXPECT_EQ(segment->graph->size(), expected.size());
  EXPECT_GT(segment->graph->recall(), 0.9);
}

TEST_P(SegmentBuilderTest, WhatWasWrittenIsLoadedWithTheSameAnswers) {
  const SegmentParts parts = {{first_, second_}, live_, nullptr};
  ASSERT_OK_AND_ASSIGN(const SegmentPtr built, BuildSegment(parts, place_, options_, Never));
  const auto loaded = LoadSegments(place_.folder, place_.identity, place_.map);
  ASSERT_THAT(loaded, SizeIs(1));
  ExpectRows(*loaded[0], live_);
  EXPECT_EQ(loaded[0]->number, built->number);
  ASSERT_NE(loaded[0]->graph, nullptr);
  std::vector<float> query(kDimension);
  for (int64_t row = 0; row < 900; row += 100) {
    BestKernels().widen(built->rows.halves(row), kDimension, query.data());
    ASSERT_OK_AND_ASSIGN(const auto a, built->graph->Search(query, 5, 40, live_));
    ASSERT_OK_AND_ASSIGN(const auto b, loaded[0]->graph->Search(query, 5, 40, live_));
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].row, b[i].row);
  }
}

TEST_P(SegmentBuilderTest, NothingAliveMakesNoSegmentAndNoFile) {
  const SegmentParts parts = {{first_}, PassageSet(), nullptr};
  ASSERT_OK_AND_ASSIGN(const SegmentPtr segment, BuildSegment(parts, place_, options_, Never));
  EXPECT_EQ(segment, nullptr);
  EXPECT_FALSE(fs::exists(place_.folder));
}

TEST_P(SegmentBuilderTest, StoppedItLeavesNothingBehind) {
  const SegmentParts parts = {{first_}, live_, nullptr};
  EXPECT_THAT(BuildSegment(parts, place_, options_, [] { return true; }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(fs::is_empty(place_.folder));
}

TEST_P(SegmentBuilderTest, WhereNothingCanBeWrittenMemoryHoldsIt) {
  std::ofstream(place_.folder) << "a file, not a folder";
  const SegmentParts parts = {{first_}, live_, nullptr};
  ASSERT_OK_AND_ASSIGN(const SegmentPtr segment, BuildSegment(parts, place_, options_, Never));
  EXPECT_EQ(segment->number, 0u);
  EXPECT_EQ(segment->rows.size(), first_.size());
  ASSERT_NE(segment->graph, nullptr);
  fs::remove(place_.folder);
  ASSERT_OK_AND_ASSIGN(const SegmentPtr written, WriteSegment(*segment, place_));
  EXPECT_EQ(written->number, 1u);
  EXPECT_THAT(LoadSegments(place_.folder, place_.identity, place_.map), SizeIs(1));
}

TEST_P(SegmentBuilderTest, ACompactIndexIsWrittenLaterAndLoadedWithTheSameAnswers) {
  for (const VectorCodes codes : {VectorCodes::kBinary, VectorCodes::kPq}) {
    place_.folder = folder_->path() + (codes == VectorCodes::kPq ? "/pq" : "/binary");
    place_.identity.codes = codes;
    VectorRows rows(kDimension, codes);
    for (int64_t row = 0; row < first_.size(); ++row) {
      rows.Append(first_.passage(row), first_.halves(row));
    }
    std::ofstream(place_.folder) << "a file, not a folder";
    const SegmentParts parts = {{rows}, live_, nullptr};
    ASSERT_OK_AND_ASSIGN(const SegmentPtr built, BuildSegment(parts, place_, options_, Never));
    EXPECT_EQ(built->graph, nullptr);
    ASSERT_NE(built->compact, nullptr);
    EXPECT_FALSE(built->rows.has_codes());
    fs::remove(place_.folder);
    ASSERT_THAT(WriteSegment(*built, place_), IsOk());
    const auto loaded = LoadSegments(place_.folder, place_.identity, place_.map);
    ASSERT_THAT(loaded, SizeIs(1));
    ASSERT_NE(loaded[0]->compact, nullptr);
    EXPECT_EQ(loaded[0]->compact->recall(), built->compact->recall());
    EXPECT_EQ(loaded[0]->compact->MemoryBytes(), built->compact->MemoryBytes());
    std::vector<uint32_t> all(static_cast<size_t>(rows.size() + 31) / 32, UINT32_MAX);
    all.back() >>= 32 * static_cast<int64_t>(all.size()) - rows.size();
    std::vector<float> query(kDimension);
    for (int64_t row = 0; row < rows.size(); row += 100) {
      rows.Widen(row, query.data());
      const QueryCode code(query);
      ASSERT_OK_AND_ASSIGN(const auto a, built->compact->Search(query, code, all, 5));
      ASSERT_OK_AND_ASSIGN(const auto b, loaded[0]->compact->Search(query, code, all, 5));
      ASSERT_THAT(a, SizeIs(5));
      ASSERT_THAT(b, SizeIs(5));
      for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].row, b[i].row);
    }
  }
}

TEST_P(SegmentBuilderTest, AFileThatIsRemovedStaysReadable) {
  const SegmentParts parts = {{first_, second_}, live_, nullptr};
  ASSERT_OK_AND_ASSIGN(const SegmentPtr segment, BuildSegment(parts, place_, options_, Never));
  ASSERT_THAT(RemoveIndexFiles(place_.folder), IsOk());
  EXPECT_TRUE(fs::is_empty(place_.folder));
  ExpectRows(*segment, live_);
}

TEST_P(SegmentBuilderTest, OfOverlappingOnesTheNewestCountsUnlessItIsDamaged) {
  for (const auto& rows : {std::vector<VectorRows>{first_}, {second_}, {first_, second_}}) {
    const SegmentParts parts = {rows, live_, nullptr};
    ASSERT_THAT(BuildSegment(parts, place_, options_, Never), IsOk());
  }
  auto loaded = LoadSegments(place_.folder, place_.identity, place_.map);
  ASSERT_THAT(loaded, SizeIs(1));
  EXPECT_EQ(loaded[0]->number, 3u);
  fs::resize_file(place_.folder + "/00000000000000000003/rows", 100);
  loaded = LoadSegments(place_.folder, place_.identity, place_.map);
  ASSERT_THAT(loaded, SizeIs(2));
  EXPECT_EQ(loaded[0]->number, 1u);
  EXPECT_EQ(loaded[1]->number, 2u);
}

TEST(BackgroundThreadTest, GivesWayAndLeavesItsCallerAsItWas) {
  const int before = getpriority(PRIO_PROCESS, 0);
  int inside = 0;
  RunInBackground([&] { inside = getpriority(PRIO_PROCESS, 0); });
  EXPECT_GE(inside, 10);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), before);
  EXPECT_GE(ThreadsOrAll(0), 1);
  EXPECT_EQ(ThreadsOrAll(3), 3);
}

}  // namespace
}  // namespace sightline::index
