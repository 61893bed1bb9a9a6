#include "base/lru_cache.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sightline {
namespace {

using Cache = LruCache<int>;

std::shared_ptr<const int> Value(int value) { return std::make_shared<const int>(value); }
int64_t Entries(int count, int64_t bytes) { return count * (bytes + Cache::Overhead("a")); }

TEST(LruCacheTest, ForgetsTheLeastRecentlyUsedFirst) {
  Cache cache(Entries(2, 40));
  const auto a = Value(1), b = Value(2), c = Value(3);
  cache.Insert("a", a, 40);
  cache.Insert("b", b, 40);
  EXPECT_EQ(cache.Find("a"), a);
  cache.Insert("c", c, 40);
  EXPECT_EQ(cache.Find("a"), a);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_EQ(cache.Find("c"), c);
}

TEST(LruCacheTest, DoesNotKeepWhatIsLargerThanItself) {
  Cache cache(Entries(1, 100));
  cache.Insert("a", Value(1), 60);
  cache.Insert("b", Value(2), 101);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("a"), nullptr);
}

TEST(LruCacheTest, KeepsTheFirstValueOfAKeyAndCountsItOnce) {
  Cache cache(Entries(2, 60));
  const auto first = Value(1);
  cache.Insert("a", first, 60);
  cache.Insert("a", Value(2), 60);
  EXPECT_EQ(cache.Find("a"), first);
  cache.Insert("b", Value(3), 60);
  EXPECT_EQ(cache.Find("a"), first);
  EXPECT_EQ(cache.stats().bytes, Entries(2, 60));
}

TEST(LruCacheTest, OfNoBytesKeepsNothing) {
  Cache cache(0);
  cache.Insert("a", Value(1), 0);
  EXPECT_EQ(cache.Find("a"), nullptr);
}

TEST(LruCacheTest, KeysAreBoundedToo) {
  Cache cache(10'000);
  for (int i = 0; i < 1000; ++i) cache.Insert(absl::StrCat(std::string(500, 'k'), i), Value(i), 0);
  EXPECT_LE(cache.stats().bytes, 10'000);
  EXPECT_GE(cache.stats().evictions, 990);
}

TEST(LruCacheTest, CountsHitsMissesAndEvictions) {
  Cache cache(Entries(1, 10));
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.FindAgain("a"), nullptr);
  cache.Insert("a", Value(1), 10);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_NE(cache.FindAgain("a"), nullptr);
  cache.Insert("b", Value(2), 10);
  const CacheStats stats = cache.stats();
  EXPECT_EQ(stats.hits, 2);
  EXPECT_EQ(stats.misses, 1);
  EXPECT_EQ(stats.evictions, 1);
}

TEST(LruCacheTest, ForgetsAllWhenTold) {
  Cache cache(Entries(4, 8));
  cache.Insert("a", Value(1), 8);
  const auto held = cache.Find("a");
  cache.Clear();
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.stats().bytes, 0);
  EXPECT_EQ(*held, 1);
  cache.Insert("a", Value(2), 8);
  EXPECT_EQ(*cache.Find("a"), 2);
}

TEST(LruCacheTest, ThreadsFindOnlyTheValueOfTheirKeyAndTheBytesStayBelowTheLimit) {
  Cache cache(Entries(50, 8));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 5000; ++i) {
        const int number = (i * 7 + t) % 200;
        const std::string key = absl::StrCat(number);
        if (const auto found = cache.Find(key)) {
          ASSERT_EQ(*found, number);
        } else {
          cache.Insert(key, Value(number), 8);
        }
        ASSERT_LE(cache.stats().bytes, cache.max_bytes());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cache.stats().hits + cache.stats().misses, 20'000);
}

}  // namespace
}  // namespace sightline
