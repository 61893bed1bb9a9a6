#include "model/vision_cache.h"

#include <gtest/gtest.h>

#include "model/vision_tower.h"

namespace sightline::model {
namespace {

std::shared_ptr<const VisionFeatures> Features() { return std::make_shared<VisionFeatures>(); }

TEST(VisionCacheTest, ForgetsTheLeastRecentlyUsedFirst) {
  VisionCache cache(100);
  const auto a = Features(), b = Features(), c = Features();
  cache.Insert("a", a, 40);
  cache.Insert("b", b, 40);
  EXPECT_EQ(cache.Find("a"), a);
  cache.Insert("c", c, 40);
  EXPECT_EQ(cache.Find("a"), a);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_EQ(cache.Find("c"), c);
}

TEST(VisionCacheTest, DoesNotKeepWhatIsLargerThanItself) {
  VisionCache cache(100);
  cache.Insert("small", Features(), 60);
  cache.Insert("large", Features(), 101);
  EXPECT_EQ(cache.Find("large"), nullptr);
  EXPECT_NE(cache.Find("small"), nullptr);
}

TEST(VisionCacheTest, CountsAnEntryOnce) {
  VisionCache cache(100);
  const auto first = Features();
  cache.Insert("a", first, 60);
  cache.Insert("a", Features(), 60);
  EXPECT_EQ(cache.Find("a"), first);
  cache.Insert("b", Features(), 40);
  EXPECT_EQ(cache.Find("a"), first);
}

}  // namespace
}  // namespace sightline::model
