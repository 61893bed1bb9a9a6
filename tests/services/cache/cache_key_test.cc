#include "services/cache/cache_key.h"

#include <gtest/gtest.h>

#include "base/sealed_box.h"

namespace sightline::cache {
namespace {

CacheKey Key(const SecretKey& secret, absl::string_view tenant, absl::string_view field) {
  return CacheKeyMaker(TenantSalt(secret, tenant), "answer").Field(field).Make();
}

TEST(CacheKeyTest, OneTenantsKeysAreNeverAnothers) {
  const SecretKey secret = RandomSecret();
  EXPECT_EQ(Key(secret, "a", "x").bytes(), Key(secret, "a", "x").bytes());
  EXPECT_NE(Key(secret, "a", "x").bytes(), Key(secret, "b", "x").bytes());
  EXPECT_NE(Key(secret, "", "x").bytes(), Key(secret, "a", "x").bytes());
}

TEST(CacheKeyTest, NobodyCanForeseeOneWithoutTheSecret) {
  EXPECT_NE(Key(RandomSecret(), "a", "x").bytes(), Key(RandomSecret(), "a", "x").bytes());
}

TEST(CacheKeyTest, BordersOfFieldsCountAndSoDoesTheKind) {
  const TenantSalt salt(RandomSecret(), "");
  EXPECT_NE(CacheKeyMaker(salt, "k").Field("ab").Field("c").Make().bytes(),
            CacheKeyMaker(salt, "k").Field("a").Field("bc").Make().bytes());
  EXPECT_NE(CacheKeyMaker(salt, "k").Field("a").Make().bytes(),
            CacheKeyMaker(salt, "l").Field("a").Make().bytes());
  EXPECT_EQ(CacheKeyMaker(salt, "k").Number(1).Make().bytes().size(), 32u);
}

}  // namespace
}  // namespace sightline::cache
