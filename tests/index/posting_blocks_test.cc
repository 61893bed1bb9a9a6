#include "index/posting_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "index/key_codec.h"

namespace sightline::index {
namespace {

std::vector<std::pair<int, int>> PointsOf(const std::vector<Posting>& postings) {
  std::vector<std::pair<int, int>> out;
  const BoundingPoints points(postings);
  for (const PostingPoint& point : points.get()) out.emplace_back(point.count, point.length);
  return out;
}

std::vector<Posting> RandomList(std::mt19937& random) {
  std::vector<Posting> out;
  const uint32_t step = 1 + random() % 40;
  for (uint32_t place = random() % step; place < kBucketSize; place += 1 + random() % step) {
    const uint32_t count = random() % 50 == 0 ? random() : 1 + random() % 7;
    out.push_back(
        {static_cast<uint16_t>(place), std::max(count, 1u), static_cast<uint8_t>(random() % 120)});
  }
  return out;
}

TEST(PostingBlocksTest, PointsAreWhatNoPostingBeats) {
  using ::testing::ElementsAre;
  using ::testing::Pair;
  EXPECT_THAT(PointsOf({{0, 1, 9}}), ElementsAre(Pair(1, 9)));
  EXPECT_THAT(PointsOf({{0, 1, 9}, {1, 2, 9}, {2, 2, 12}, {3, 4, 40}, {4, 3, 50}}),
              ElementsAre(Pair(2, 9), Pair(4, 40)));
  EXPECT_THAT(PointsOf({{0, 700, 9}}), ElementsAre(Pair(255, 9)));
  // Six do not fit: the last three become one that beats them.
  EXPECT_THAT(PointsOf({{0, 1, 1}, {1, 2, 2}, {2, 3, 3}, {3, 4, 4}, {4, 5, 5}, {5, 6, 6}}),
              ElementsAre(Pair(1, 1), Pair(2, 2), Pair(3, 3), Pair(6, 4)));
}

TEST(PostingBlocksTest, GivesBackWhatWasPutIn) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const std::vector<Posting> list = RandomList(random);
    const std::string bytes = EncodeBlocks(list);
    std::vector<Posting> back;
    ASSERT_TRUE(DecodeBlocks(bytes, back));
    ASSERT_TRUE(BlocksAreBounded(bytes));
    ASSERT_EQ(back.size(), list.size());
    EXPECT_EQ(PostingBlockReader(bytes).total(), list.size());
    for (size_t i = 0; i < list.size(); ++i) {
      ASSERT_EQ(back[i].place, list[i].place);
      ASSERT_EQ(back[i].count, list[i].count);
      ASSERT_EQ(back[i].length, list[i].length);
    }
  }
}

TEST(PostingBlocksTest, EveryPostingLiesUnderAPointOfItsBlock) {
  std::mt19937 random(2);
  for (int round = 0; round < 100; ++round) {
    const std::vector<Posting> list = RandomList(random);
    const std::string bytes = EncodeBlocks(list);
    PostingBlockReader in(bytes);
    for (size_t at = 0; in.Next();) {
      for (uint32_t i = 0; i < in.size(); ++i, ++at) {
        ASSERT_EQ(list[at].place / kPostingBlockSize, in.block());
        EXPECT_TRUE(std::any_of(in.points().begin(), in.points().end(), [&](PostingPoint point) {
          return std::min(list[at].count, 255u) <= point.count && list[at].length >= point.length;
        }));
      }
    }
    EXPECT_TRUE(in.ok());
  }
}

TEST(PostingBlocksTest, RefusesEveryTruncation) {
  std::mt19937 random(3);
  const std::string bytes = EncodeBlocks(RandomList(random));
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::vector<Posting> postings;
    EXPECT_FALSE(DecodeBlocks(absl::string_view(bytes).substr(0, size), postings)) << size;
  }
}

TEST(PostingBlocksTest, AFlippedByteIsRefusedOrReadInOrder) {
  std::mt19937 random(4);
  for (int round = 0; round < 50; ++round) {
    const std::string whole = EncodeBlocks(RandomList(random));
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 + random() % 255));
      std::vector<Posting> postings;
      if (!DecodeBlocks(bytes, postings)) continue;
      for (size_t i = 1; i < postings.size(); ++i) {
        ASSERT_LT(postings[i - 1].place, postings[i].place);
      }
    }
  }
}

TEST(PostingBlocksTest, SaysWhenBoundsAreNotThoseOfThePostings) {
  std::string bytes = EncodeBlocks(std::vector<Posting>{{0, 1, 9}});
  ASSERT_TRUE(BlocksAreBounded(bytes));
  bytes.back() = 8;  // the length of the posting, shorter than its bound says
  EXPECT_FALSE(BlocksAreBounded(bytes));
}

}  // namespace
}  // namespace sightline::index
