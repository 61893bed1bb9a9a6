#include "services/query/heat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

// A row of three cells in two regions that share the middle one; the first looks along x.
model::PictureRegions Row() {
  model::PictureRegions out;
  out.rows = 1;
  out.columns = 3;
  out.regions = {{0, 0, 1, 2}, {0, 1, 1, 2}};
  out.vectors = {{1, 0}, {0, 1}};
  return out;
}

TEST(HeatTest, ACellIsTheMeanOfTheRegionsThatHoldIt) {
  EXPECT_THAT(CellHeat(Row(), std::vector<float>{1, 0}), ElementsAre(1, 0.5f, 0));
  EXPECT_THAT(CellHeat(Row(), std::vector<float>{0.6f, 0.8f}),
              ElementsAre(FloatEq(0.6f), FloatEq(0.7f), FloatEq(0.8f)));
}

TEST(HeatTest, BytesGoFromTheColdestToTheHottest) {
  EXPECT_THAT(HeatBytes(std::vector<float>{-0.5f, 0, 0.5f}), ElementsAre(0, 128, 255));
}

TEST(HeatTest, CellsThatHardlyDifferAreNotSpread) {
  EXPECT_THAT(HeatBytes(std::vector<float>{0.5f, 0.50001f}), ElementsAre(0, 0));
  EXPECT_FALSE(HottestBox(std::vector<float>{0.5f, 0.50001f}, 1, 2).has_value());
  EXPECT_THAT(HeatBytes(std::vector<float>()), ElementsAre());
}

TEST(HeatTest, TheBoxHoldsWhatHangsTogetherWithTheHottestCell) {
  const std::vector<float> heat = {0.0f, 0.1f, 0.8f, 0.0f,  //
                                   0.0f, 0.7f, 0.9f, 0.0f,  //
                                   0.6f, 0.0f, 0.0f, 0.0f};
  const auto box = HottestBox(heat, 3, 4);
  ASSERT_TRUE(box.has_value());
  EXPECT_FLOAT_EQ(box->x0, 0.25f);
  EXPECT_FLOAT_EQ(box->y0, 0);
  EXPECT_FLOAT_EQ(box->x1, 0.75f);
  EXPECT_FLOAT_EQ(box->y1, 2 / 3.0f);
}

TEST(HeatTest, TheWholePictureIsNoBox) {
  EXPECT_FALSE(
      HottestBox(std::vector<float>{1, 0.9f, 0.9f, 1, 0.8f, 1, 0.9f, 1, 0}, 3, 3).has_value());
}

}  // namespace
}  // namespace sightline::query
