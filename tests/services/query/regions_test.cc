#include "services/query/regions.h"

#include <gtest/gtest.h>

namespace sightline::query {
namespace {

TEST(RegionsTest, ItIsAskedForInTheLanguageOfTheClaim) {
  EXPECT_EQ(RegionRequest("The mug costs 3."),
            "Where in the picture is this shown? The mug costs 3.");
  EXPECT_EQ(RegionRequest("杯子的价格是 3 元。"), "图中哪里可以看到这一点？杯子的价格是 3 元。");
}

}  // namespace
}  // namespace sightline::query
