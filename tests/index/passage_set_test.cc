#include "index/passage_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace sightline::index {
namespace {

constexpr uint32_t kLimit = 3 * kBucketSize;

void ExpectSame(const PassageSet& set, const std::set<uint32_t>& plain, std::mt19937& random) {
  EXPECT_EQ(set.size(), static_cast<int64_t>(plain.size()));
  for (int i = 0; i < 50; ++i) {
    const uint32_t first = random() % kLimit;
    const uint32_t last = i % 5 == 0 ? UINT32_MAX : first + random() % kLimit;
    std::vector<uint32_t> expected(plain.lower_bound(first), plain.upper_bound(last));
    EXPECT_EQ(set.Count(first, last), static_cast<int64_t>(expected.size()));
    std::vector<uint32_t> visited;
    set.ForEach(first, last, [&](uint32_t number) { visited.push_back(number); });
    EXPECT_EQ(visited, expected);
  }
}

TEST(PassageSetTest, CountsAndVisitsRangesLikeAPlainSet) {
  std::mt19937 random(3);
  PassageSet set;
  std::set<uint32_t> plain;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 300; ++i) {
      const uint32_t number = random() % kLimit;
      set.Insert(number);
      plain.insert(number);
    }
    const uint32_t first = random() % kLimit;
    const uint32_t count = random() % 2000;
    set.Remove(first, count);
    plain.erase(plain.lower_bound(first), plain.lower_bound(first + count));
    ExpectSame(set, plain, random);
  }
  set.Remove(0, kLimit);
  EXPECT_EQ(set.Count(0, UINT32_MAX), 0);
  auto block = std::make_shared<PassageSet::Block>();
  block->fill(0);
  (*block)[1] = 5;
  set.SetBlock(4, block);
  EXPECT_EQ(set.Count(4 * kBucketSize, 4 * kBucketSize + 64), 1);
  EXPECT_EQ(set.Count(0, UINT32_MAX), 2);
}

TEST(PassageSetTest, AnEmptySetAndAnEmptyRangeCountNothing) {
  PassageSet set;
  EXPECT_EQ(set.Count(0, UINT32_MAX), 0);
  set.Insert(7);
  EXPECT_EQ(set.Count(8, 7), 0);
  EXPECT_EQ(set.Count(7, 7), 1);
}

}  // namespace
}  // namespace sightline::index
