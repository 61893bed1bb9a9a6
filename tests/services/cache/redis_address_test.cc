#include "services/cache/redis_address.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::cache {
namespace {

using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RedisAddressTest, ReadsHostPortUserAndDatabase) {
  ASSERT_OK_AND_ASSIGN(const RedisAddress plain, ReadRedisAddress("redis://cache"));
  EXPECT_EQ(plain.Name(), "cache:6379");
  EXPECT_EQ(plain.database, 0);
  ASSERT_OK_AND_ASSIGN(const RedisAddress full, ReadRedisAddress("redis://me@10.0.0.1:7000/3"));
  EXPECT_EQ(full.host, "10.0.0.1");
  EXPECT_EQ(full.port, 7000);
  EXPECT_EQ(full.user, "me");
  EXPECT_EQ(full.database, 3);
  ASSERT_OK_AND_ASSIGN(const RedisAddress six, ReadRedisAddress("redis://[::1]:6380/"));
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.port, 6380);
  ASSERT_OK_AND_ASSIGN(const RedisAddress socket, ReadRedisAddress("unix:/run/redis.sock"));
  EXPECT_EQ(socket.Name(), "/run/redis.sock");
}

TEST(RedisAddressTest, RefusesWhatIsNoAddressAndShowsNoPassword) {
  for (const char* url : {"", "cache:6379", "rediss://cache", "redis://", "redis://:6379",
                          "redis://cache:", "unix:", "redis://cache:0", "redis://cache:65536",
                          "redis://cache:-1", "redis://cache/x", "redis://cache/-1", "redis://[::1",
                          "redis://[::1]x", "redis://@cache", "redis://me:geheim@cache"}) {
    EXPECT_THAT(ReadRedisAddress(url),
                StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("geheim"))))
        << url;
  }
}

}  // namespace
}  // namespace sightline::cache
