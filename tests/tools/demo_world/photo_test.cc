#include "tools/demo_world/photo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace sightline::demo_world {
namespace {

constexpr int kRed = 0, kBlue = 4;
constexpr int kMug = 0, kChair = 4, kBowl = 10;

bool IsRed(const Picture& picture, int x, int y) {
  const uint8_t* const pixel =
      picture.rgb.data() + (static_cast<size_t>(y) * picture.width + x) * 3;
  return pixel[0] > pixel[1] + 90 && pixel[0] > pixel[2] + 90;
}

TEST(DrawPhotoTest, SameViewGivesSamePicture) {
  const Look look{.kind = kMug, .color = kRed, .pattern = 2, .second = 9, .material = 3};
  const Picture first = DrawPhoto(look, 7);
  EXPECT_EQ(first.rgb, DrawPhoto(look, 7).rgb);
  EXPECT_NE(first.rgb, DrawPhoto(look, 8).rgb);
}

TEST(DrawPhotoTest, ShowsEveryLookInSidesThatAreMultiplesOf32) {
  uint64_t view = 0;
  for (int kind = 0; kind < kKinds; ++kind) {
    for (int pattern = 0; pattern < kPatterns; ++pattern) {
      for (int material = 0; material < kMaterials; ++material) {
        const Look red{kind, kRed, pattern, pattern == 0 ? -1 : kBlue, material};
        Look changed = red;
        changed.color = 3;
        const Picture a = DrawPhoto(red, ++view), b = DrawPhoto(changed, view);
        ASSERT_EQ(a.width % 32, 0);
        ASSERT_EQ(a.height % 32, 0);
        ASSERT_EQ(a.rgb.size(), static_cast<size_t>(a.width) * a.height * 3);
        if (a.rgb.size() != b.rgb.size()) continue;
        int changed_bytes = 0;
        for (size_t i = 0; i < a.rgb.size(); ++i) {
          if (std::abs(a.rgb[i] - b.rgb[i]) > 40) ++changed_bytes;
        }
        EXPECT_GT(changed_bytes, 300) << kind << " " << pattern << " " << material;
      }
    }
  }
}

TEST(DrawSceneTest, BoxIsTightAroundItsItem) {
  for (uint64_t view = 0; view < 30; ++view) {
    const std::vector<Look> looks = {{.kind = kChair, .color = kBlue},
                                     {.kind = kBowl, .color = kRed},
                                     {.kind = kMug, .color = kBlue}};
    const Scene scene = DrawScene(looks, view);
    ASSERT_EQ(scene.boxes.size(), 3u);
    const int width = scene.picture.width, height = scene.picture.height;
    Box red{1, 1, 0, 0};
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        if (!IsRed(scene.picture, x, y)) continue;
        red.x0 = std::min(red.x0, static_cast<double>(x) / width);
        red.y0 = std::min(red.y0, static_cast<double>(y) / height);
        red.x1 = std::max(red.x1, static_cast<double>(x + 1) / width);
        red.y1 = std::max(red.y1, static_cast<double>(y + 1) / height);
      }
    }
    // Blur, and the dark foot and rim of the bowl, are a few pixels.
    EXPECT_NEAR(red.x0, scene.boxes[1].x0, 5.0 / width) << view;
    EXPECT_NEAR(red.x1, scene.boxes[1].x1, 5.0 / width) << view;
    EXPECT_NEAR(red.y0, scene.boxes[1].y0, 5.0 / height) << view;
  }
}

TEST(DrawSceneTest, ItemsStandApart) {
  for (uint64_t view = 0; view < 100; ++view) {
    const std::vector<Look> looks(2 + view % 3, Look{.kind = static_cast<int>(view % kKinds)});
    const Scene scene = DrawScene(looks, view);
    ASSERT_EQ(scene.boxes.size(), looks.size());
    for (size_t i = 0; i < looks.size(); ++i) {
      const Box& a = scene.boxes[i];
      EXPECT_GT((a.x1 - a.x0) * scene.picture.width, 12);
      EXPECT_GT((a.y1 - a.y0) * scene.picture.height, 12);
      for (size_t j = 0; j < i; ++j) {
        const Box& b = scene.boxes[j];
        const double common = std::max(0.0, std::min(a.x1, b.x1) - std::max(a.x0, b.x0)) *
                              std::max(0.0, std::min(a.y1, b.y1) - std::max(a.y0, b.y0));
        EXPECT_LT(common, 0.2 * (a.x1 - a.x0) * (a.y1 - a.y0)) << view;
      }
    }
  }
}

}  // namespace
}  // namespace sightline::demo_world
