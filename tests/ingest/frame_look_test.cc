#include "ingest/frame_look.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sightline::ingest {
namespace {

Image Plain(uint8_t r, uint8_t g, uint8_t b, int channels = 3) {
  Image image{320, 180, channels, {}};
  for (int i = 0; i < image.width * image.height; ++i) {
    for (const uint8_t c : {r, g, b}) image.pixels.push_back(c);
    if (channels == 4) image.pixels.push_back(255);
  }
  return image;
}

// A slide: a dark bar at the top, and a box that may stand elsewhere.
Image Slide(int box_x, int noise = 0) {
  Image image = Plain(250, 250, 250);
  const auto fill = [&](int x0, int y0, int x1, int y1) {
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) std::fill_n(&image.pixels[3 * (y * image.width + x)], 3, 20);
    }
  };
  fill(0, 0, 320, 40);
  fill(box_x, 100, box_x + 14, 108);
  std::mt19937 random(7);
  for (uint8_t& value : image.pixels) {
    const int shift = noise == 0 ? 0 : static_cast<int>(random() % (2 * noise + 1)) - noise;
    value = static_cast<uint8_t>(std::clamp(value + shift, 0, 255));
  }
  return image;
}

bool Same(const Image& a, const Image& b) { return HardlyDiffer(LookOf(a), LookOf(b)); }

TEST(FrameLookTest, NoiseIsNoDifference) {
  EXPECT_TRUE(Same(Slide(40), Slide(40)));
  EXPECT_TRUE(Same(Slide(40), Slide(40, 12)));
  EXPECT_TRUE(Same(Plain(10, 10, 10), Plain(14, 14, 14, 4)));
}

TEST(FrameLookTest, AWordThatMovesIsOne) {
  EXPECT_FALSE(Same(Slide(40), Slide(240)));
  EXPECT_FALSE(Same(Plain(255, 255, 255), Slide(40)));
}

TEST(FrameLookTest, ColoursCountWhereLightIsEqual) {
  EXPECT_FALSE(Same(Plain(200, 0, 0), Plain(0, 102, 0)));
  EXPECT_FALSE(Same(Plain(0, 0, 0), Plain(255, 255, 255)));
}

TEST(FrameLookTest, SmallPicturesHaveALookToo) {
  EXPECT_TRUE(Same(Image{2, 1, 3, {9, 9, 9, 9, 9, 9}}, Image{1, 2, 3, {9, 9, 9, 9, 9, 9}}));
}

}  // namespace
}  // namespace sightline::ingest
