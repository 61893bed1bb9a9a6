#include "services/query/picture_quality.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "tools/demo_world/photo.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/world.h"

namespace sightline::query {
namespace {

Image ToImage(const demo_world::Picture& picture) {
  return {picture.width, picture.height, 3, picture.rgb};
}

// Means over windows of 2 * reach + 1 pixels, twice along rows and columns: close to a Gaussian.
Image Blurred(Image image, int reach) {
  for (int pass = 0; pass < 4; ++pass) {
    const Image from = image;
    for (int y = 0; y < image.height; ++y) {
      for (int x = 0; x < image.width; ++x) {
        for (int c = 0; c < 3; ++c) {
          int sum = 0;
          for (int d = -reach; d <= reach; ++d) {
            const int u = std::clamp(x + (pass % 2 == 0 ? d : 0), 0, image.width - 1);
            const int v = std::clamp(y + (pass % 2 == 0 ? 0 : d), 0, image.height - 1);
            sum += from.pixels[(static_cast<size_t>(v) * image.width + u) * 3 + c];
          }
          image.pixels[(static_cast<size_t>(y) * image.width + x) * 3 + c] =
              static_cast<uint8_t>(sum / (2 * reach + 1));
        }
      }
    }
  }
  return image;
}

TEST(PictureQualityTest, SharpPicturesPassAndBlurredOnesDoNot) {
  const demo_world::World world =
      demo_world::World::Make(9, {.items = 60, .pages = 20, .texts = 0});
  int caught = 0, all = 0;
  for (const demo_world::Document& document : world.documents()) {
    const Image image = ToImage(world.Draw(document));
    EXPECT_EQ(FaultOf(image), std::nullopt) << document.id << " " << BlurOf(image);
    caught += FaultOf(Blurred(image, 3)) == PictureFault::kBlurred ? 1 : 0;
    ++all;
  }
  EXPECT_GE(all, 60);
  EXPECT_GE(caught, all * 9 / 10);
}

TEST(PictureQualityTest, ALargePictureIsJudgedByWhatIsLeftWhenItIsMadeSmaller) {
  // Edges soft over 3 of 4,096 pixels are sharp at the size at which it is looked at.
  Image large = {4096, 64, 3, std::vector<uint8_t>(size_t{4096} * 64 * 3)};
  for (size_t i = 0; i < large.pixels.size(); ++i) {
    large.pixels[i] = static_cast<uint8_t>(i / 3 % 4096 / 64 % 2 * 200);
  }
  EXPECT_EQ(FaultOf(Blurred(large, 1)), std::nullopt);
}

TEST(PictureQualityTest, TinyAndEmptyPictures) {
  const auto filled = [](int width, int height, int channels) {
    return Image{width, height, channels,
                 std::vector<uint8_t>(static_cast<size_t>(width) * height * channels, 200)};
  };
  EXPECT_EQ(FaultOf(filled(15, 200, 3)), PictureFault::kTiny);
  EXPECT_EQ(FaultOf(filled(1, 1, 3)), PictureFault::kTiny);
  EXPECT_EQ(FaultOf(filled(16, 200, 3)), PictureFault::kEmpty);
  EXPECT_EQ(FaultOf(filled(300, 4000, 4)), PictureFault::kEmpty);
  EXPECT_EQ(FaultOf(filled(30'000, 20, 3)), PictureFault::kEmpty);
}

}  // namespace
}  // namespace sightline::query
