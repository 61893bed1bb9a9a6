#include "services/cache/answer_cache.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/sealed_box.h"
#include "tests/support/status_matchers.h"

namespace sightline::cache {
namespace {

std::vector<v1::AnswerEvent> Events(const std::string& text) {
  std::vector<v1::AnswerEvent> events(3);
  events[0].mutable_retrieved()->mutable_search()->set_exact(true);
  events[1].mutable_delta()->set_text(text);
  events[2].mutable_done()->set_answer(text);
  return events;
}

AnswerCache Cache(int64_t bytes, const std::string& server = "s") {
  return AnswerCache({.max_bytes = bytes, .server = server, .secret = RandomSecret()}, nullptr);
}

TEST(AnswerCacheTest, GivesTheEventsBackInOrder) {
  AnswerCache cache = Cache(1 << 20);
  const CacheKey key = cache.KeyFor("").Field("q").Make();
  EXPECT_FALSE(cache.Find(key).has_value());
  cache.Insert(key, Events("编号 42 [1]."));
  const auto found = cache.Find(key);
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->size(), 3u);
  EXPECT_TRUE((*found)[0].retrieved().search().exact());
  EXPECT_EQ((*found)[1].delta().text(), "编号 42 [1].");
  EXPECT_EQ((*found)[2].done().answer(), "编号 42 [1].");
}

TEST(AnswerCacheTest, TenantsAndServersDoNotShare) {
  AnswerCache cache = Cache(1 << 20);
  cache.Insert(cache.KeyFor("a").Field("q").Make(), Events("x"));
  EXPECT_TRUE(cache.Find(cache.KeyFor("a").Field("q").Make()).has_value());
  EXPECT_FALSE(cache.Find(cache.KeyFor("b").Field("q").Make()).has_value());
  const SecretKey secret = RandomSecret();
  const AnswerCache one({.server = "model 1", .secret = secret}, nullptr);
  const AnswerCache two({.server = "model 2", .secret = secret}, nullptr);
  EXPECT_NE(one.KeyFor("").Make().bytes(), two.KeyFor("").Make().bytes());
}

TEST(AnswerCacheTest, ManyAnswersStayBelowTheBytes) {
  AnswerCache cache = Cache(50'000);
  for (int i = 0; i < 300; ++i) {
    cache.Insert(cache.KeyFor("").Number(i).Make(), Events(std::string(1000, 'x')));
    ASSERT_LE(cache.memory().bytes, 50'000);
  }
  EXPECT_GT(cache.memory().evictions, 250);
  EXPECT_TRUE(cache.Find(cache.KeyFor("").Number(299).Make()).has_value());
}

}  // namespace
}  // namespace sightline::cache
