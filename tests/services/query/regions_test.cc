#include "services/query/regions.h"

#include <gtest/gtest.h>

namespace sightline::query {
namespace {

TEST(RegionsTest, ABoxIsReadInThousandths) {
  const std::optional<Box> box = ParseRegion(R"({"bbox_2d": [0, 125, 500, 1000]})");
  ASSERT_TRUE(box.has_value());
  EXPECT_FLOAT_EQ(box->x0, 0);
  EXPECT_FLOAT_EQ(box->y0, 0.125f);
  EXPECT_FLOAT_EQ(box->x1, 0.5f);
  EXPECT_FLOAT_EQ(box->y1, 1);
}

TEST(RegionsTest, WhatIsNoPlaceIsNone) {
  EXPECT_FALSE(ParseRegion("").has_value());
  EXPECT_FALSE(ParseRegion("nowhere").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [1, 2, 3]})").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [1, 2, 3, 1001]})").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [500, 100, 400, 200]})").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [100, 200, 300, 200]})").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [0, 0, 1000, 1000]})").has_value());
  EXPECT_TRUE(ParseRegion(R"({"bbox_2d": [0, 0, 1000, 900]})").has_value());
}

TEST(RegionsTest, ItIsAskedForInTheLanguageOfTheClaim) {
  EXPECT_EQ(RegionRequest("The mug costs 3."),
            "Where in the picture is this shown? The mug costs 3.");
  EXPECT_EQ(RegionRequest("杯子的价格是 3 元。"), "图中哪里可以看到这一点？杯子的价格是 3 元。");
}

}  // namespace
}  // namespace sightline::query
