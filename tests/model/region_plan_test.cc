#include "model/region_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sightline::model {
namespace {

using ::testing::ElementsAre;

TEST(RegionPlanTest, ASmallPictureIsDividedIntoItsCells) {
  EXPECT_THAT(PlanRegions(2, 2), ElementsAre(CellRect{0, 0, 1, 1}, CellRect{0, 1, 1, 1},
                                             CellRect{1, 0, 1, 1}, CellRect{1, 1, 1, 1}));
  EXPECT_EQ(PlanRegions(16, 16).size(), 256u);
}

TEST(RegionPlanTest, ALargePictureIsDividedIntoSquaresThatMayBeCutAtTheEdge) {
  const std::vector<CellRect> regions = PlanRegions(27, 40);
  ASSERT_EQ(regions.size(), 14u * 20u);
  EXPECT_EQ(regions.front(), (CellRect{0, 0, 2, 2}));
  EXPECT_EQ(regions.back(), (CellRect{26, 38, 1, 2}));
}

TEST(RegionPlanTest, EveryCellLiesInOneRegionAndNoRegionLeavesThePicture) {
  const int sides[] = {1, 2, 3, 5, 17, 28, 40, 63, 200, 1000};
  for (const int rows : sides) {
    for (const int columns : sides) {
      std::vector<int> covered(static_cast<size_t>(rows) * columns);
      const std::vector<CellRect> regions = PlanRegions(rows, columns);
      EXPECT_LE(regions.size(), size_t{kMaxRegions}) << rows << " x " << columns;
      for (const CellRect& region : regions) {
        ASSERT_GE(region.row, 0);
        ASSERT_GE(region.column, 0);
        ASSERT_LE(region.row + region.rows, rows);
        ASSERT_LE(region.column + region.columns, columns);
        for (int y = region.row; y < region.row + region.rows; ++y) {
          for (int x = region.column; x < region.column + region.columns; ++x) {
            ++covered[static_cast<size_t>(y) * columns + x];
          }
        }
      }
      EXPECT_EQ(std::count(covered.begin(), covered.end(), 1), int64_t{1} * rows * columns)
          << rows << " x " << columns;
    }
  }
}

}  // namespace
}  // namespace sightline::model
