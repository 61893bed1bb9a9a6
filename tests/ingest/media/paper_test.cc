#include "ingest/media/paper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace sightline::media {
namespace {

// Rows of `paper`, every tenth of them `ink` up to the middle.
bool LooksLikePage(int width, int height, uint8_t paper, uint8_t ink, int bands = 3) {
  PaperMeter meter;
  for (int y = 0; y < height; ++y) {
    std::vector<uint8_t> row(size_t{1} * width * bands, paper);
    if (y % 10 == 0) std::fill(row.begin(), row.begin() + row.size() / 2, ink);
    meter.AddRow(row.data(), width, bands);
  }
  return meter.LooksLikePage();
}

TEST(PaperMeterTest, PrintOnBrightPaperIsAPage) {
  EXPECT_TRUE(LooksLikePage(600, 800, 250, 10));
  EXPECT_TRUE(LooksLikePage(600, 800, 200, 40));
  EXPECT_TRUE(LooksLikePage(600, 800, 255, 0, 1));
  EXPECT_TRUE(LooksLikePage(600, 800, 255, 0, 4));
}

TEST(PaperMeterTest, DarkBlankSmallAndManyShadedOnesAreNot) {
  EXPECT_FALSE(LooksLikePage(600, 800, 130, 10));   // a sky
  EXPECT_FALSE(LooksLikePage(600, 800, 250, 250));  // nothing on it
  EXPECT_FALSE(LooksLikePage(600, 800, 250, 220));  // too faint to be print
  EXPECT_FALSE(LooksLikePage(399, 800, 250, 10));
  PaperMeter empty;
  EXPECT_FALSE(empty.LooksLikePage());
  PaperMeter shades;
  for (int y = 0; y < 600; ++y) {
    const std::vector<uint8_t> row(600, static_cast<uint8_t>(y * 255 / 600));
    shades.AddRow(row.data(), 600, 1);
  }
  EXPECT_FALSE(shades.LooksLikePage());
}

}  // namespace
}  // namespace sightline::media
