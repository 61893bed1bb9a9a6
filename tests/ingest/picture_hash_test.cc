#include "ingest/picture_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "index/near_pictures.h"

namespace sightline::ingest {
namespace {

constexpr int kBoxes = 6;
constexpr int kSide = 96;

Image Blank(int width, int height, int channels = 3) {
  Image image{width, height, channels, {}};
  image.pixels.assign(static_cast<size_t>(width) * height * channels, 200);
  return image;
}

// Boxes of random grays; the same picture at any size.
Image Drawn(uint32_t seed, int width, int height, int channels = 3) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> part(0, 1);
  Image image = Blank(width, height, channels);
  for (int i = 0; i < kBoxes; ++i) {
    const double x0 = part(random) * 0.8, y0 = part(random) * 0.8;
    const double x1 = x0 + 0.1 + part(random) * 0.4, y1 = y0 + 0.1 + part(random) * 0.4;
    const auto gray = static_cast<uint8_t>(part(random) * 255);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        if (x < x0 * width || x >= x1 * width || y < y0 * height || y >= y1 * height) continue;
        uint8_t* const pixel = &image.pixels[(static_cast<size_t>(y) * width + x) * channels];
        std::fill(pixel, pixel + 3, gray);
      }
    }
  }
  for (int i = 3; channels == 4 && i < static_cast<int>(image.pixels.size()); i += 4) {
    image.pixels[i] = 255;
  }
  return image;
}

Image Changed(Image image, const std::function<int(int)>& change) {
  for (uint8_t& value : image.pixels) {
    value = static_cast<uint8_t>(std::clamp(change(value), 0, 255));
  }
  return image;
}

TEST(PictureHashTest, ItOutlivesSizeLightAndNoise) {
  std::mt19937 random(1);
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const Image image = Drawn(seed, kSide, kSide);
    const uint64_t hash = PictureHash(image).value();
    EXPECT_TRUE(index::HashesAreNear(hash, PictureHash(Drawn(seed, 300, 300)).value())) << seed;
    EXPECT_TRUE(index::HashesAreNear(hash, PictureHash(Drawn(seed, 64, 64)).value())) << seed;
    EXPECT_EQ(hash, PictureHash(Drawn(seed, kSide, kSide, 4)).value());
    const Image darker = Changed(image, [](int value) { return value * 8 / 10; });
    EXPECT_TRUE(index::HashesAreNear(hash, PictureHash(darker).value())) << seed;
    const Image noisy =
        Changed(image, [&](int value) { return value + static_cast<int>(random() % 21) - 10; });
    EXPECT_TRUE(index::HashesAreNear(hash, PictureHash(noisy).value())) << seed;
  }
}

TEST(PictureHashTest, OtherPicturesAreFar) {
  std::vector<uint64_t> hashes;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    hashes.push_back(PictureHash(Drawn(seed, kSide, kSide)).value());
  }
  int near = 0;
  for (size_t a = 0; a < hashes.size(); ++a) {
    for (size_t b = 0; b < a; ++b) near += index::HashesAreNear(hashes[a], hashes[b]);
  }
  EXPECT_EQ(near, 0);
}

TEST(PictureHashTest, AnEvenPictureHasNone) {
  EXPECT_FALSE(PictureHash(Blank(50, 50)).has_value());
  EXPECT_FALSE(PictureHash(Blank(1, 1)).has_value());
  // Smaller than its fields, but not even.
  Image tiny = Blank(2, 2);
  std::fill(tiny.pixels.begin(), tiny.pixels.begin() + 3, uint8_t{0});
  EXPECT_TRUE(PictureHash(tiny).has_value());
  // Alpha shows the white behind: an invisible drawing is no drawing.
  Image hidden = Drawn(1, kSide, kSide, 4);
  for (size_t i = 3; i < hidden.pixels.size(); i += 4) hidden.pixels[i] = 0;
  EXPECT_FALSE(PictureHash(hidden).has_value());
}

}  // namespace
}  // namespace sightline::ingest
