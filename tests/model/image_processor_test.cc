#include "model/image_processor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/bicubic_resize.h"
#include "model/vision_size.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;
using Path = ImageProcessor::Path;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Image Picture(int width, int height, int channels = 3, uint8_t value = 0) {
  Image image;
  image.width = width;
  image.height = height;
  image.channels = channels;
  image.pixels.assign(static_cast<size_t>(width) * height * channels, value);
  return image;
}

VideoFrames Video(int frames, int width, int height, double fps = 2) {
  VideoFrames video;
  video.fps = fps;
  for (int i = 0; i < frames; ++i) {
    video.frames.push_back(
        std::make_shared<Image>(Picture(width, height, 3, static_cast<uint8_t>(i))));
  }
  return video;
}

ImageProcessor Processor() {
  PreprocessorConfig image;
  image.min_pixels = 4096;
  image.max_pixels = 40960;
  return ImageProcessor(image, VideoPreprocessorConfig());
}

TEST(BicubicResizeTest, OneColourStaysThatColourAtAnySize) {
  for (const uint8_t value : {0, 1, 77, 254, 255}) {
    for (const PixelSize size : {PixelSize{1, 1}, PixelSize{3, 200}, PixelSize{97, 5}}) {
      auto out = ResizeBicubic(Picture(31, 17, 3, value), size);
      ASSERT_THAT(out, IsOk());
      EXPECT_THAT(out->pixels, Each(value));
    }
  }
}

TEST(BicubicResizeTest, PicturesOfAnySmallSizeAreRead) {
  for (int width = 1; width <= 24; ++width) {
    for (int height = 1; height <= 5; ++height) {
      auto out = ResizeBicubic(Picture(width, height, 3, 9), {3, 40});
      ASSERT_THAT(out, IsOk());
      EXPECT_THAT(out->pixels, Each(9));
    }
  }
}

TEST(BicubicResizeTest, SharpEdgesAreClampedNotWrapped) {
  Image edge = Picture(8, 1);
  for (int x = 4; x < 8; ++x) {
    for (int channel = 0; channel < 3; ++channel) edge.pixels[3 * x + channel] = 255;
  }
  auto out = ResizeBicubic(edge, {1, 64});
  ASSERT_THAT(out, IsOk());
  EXPECT_EQ(out->pixels.front(), 0);
  EXPECT_EQ(out->pixels.back(), 255);
  // The lobes beside the edge would undershoot to 245 and overshoot to 10 if bytes wrapped.
  for (int x = 0; x < 26; ++x) EXPECT_LE(out->pixels[3 * x], 2) << x;
  for (int x = 38; x < 64; ++x) EXPECT_GE(out->pixels[3 * x], 253) << x;
}

TEST(BicubicResizeTest, RefusesWhatIsNotRgb) {
  EXPECT_THAT(ResizeBicubic(Picture(4, 4, 4), {2, 2}), StatusIs(kInvalid));
  EXPECT_THAT(ResizeBicubic(Picture(4, 4), {0, 2}), StatusIs(kInvalid));
  Image cut = Picture(4, 4);
  cut.pixels.pop_back();
  EXPECT_THAT(ResizeBicubic(cut, {2, 2}), StatusIs(kInvalid));
}

TEST(ToRgbTest, AlphaIsDroppedInChatAndPastedOverWhiteInEmbedding) {
  Image image = Picture(3, 1, 4);
  image.pixels = {10, 20, 30, 0, 10, 20, 30, 255, 10, 20, 30, 128};
  EXPECT_THAT(ToRgb(image, Path::kChat)->pixels, ElementsAre(10, 20, 30, 10, 20, 30, 10, 20, 30));
  EXPECT_THAT(ToRgb(image, Path::kEmbed)->pixels,
              ElementsAre(255, 255, 255, 10, 20, 30, 132, 137, 142));
}

TEST(ImageProcessorTest, PatchesAreBlockwiseWithChannelFrameRowColumnInside) {
  // Red is x, green is y; blue is constant. 64x64: 4x4 patches in 2x2 blocks.
  Image image = Picture(64, 64, 3, 200);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      image.pixels[(y * 64 + x) * 3] = static_cast<uint8_t>(x);
      image.pixels[(y * 64 + x) * 3 + 1] = static_cast<uint8_t>(y);
    }
  }
  auto out = Processor().ProcessImage(image, Path::kChat);
  ASSERT_THAT(out, IsOk());
  EXPECT_EQ(out->grid, (GridThw{1, 4, 4}));
  const auto value = [&](int row, int channel, int frame, int y, int x) {
    const float normalised =
        out->patches[((static_cast<size_t>(row) * 3 + channel) * 2 + frame) * 256 + y * 16 + x];
    return static_cast<int>(normalised * 127.5f + 127.5f + 0.5f);
  };
  // Row 2 is the lower left patch of the first block, row 5 the upper right one of the second.
  EXPECT_EQ(value(2, 0, 0, 0, 3), 3);
  EXPECT_EQ(value(2, 1, 1, 7, 3), 16 + 7);
  EXPECT_EQ(value(5, 0, 1, 0, 3), 48 + 3);
  EXPECT_EQ(value(5, 1, 0, 7, 3), 7);
  EXPECT_EQ(value(15, 2, 1, 15, 15), 200);
}

TEST(ImageProcessorTest, RefusesPicturesThatCannotBeSized) {
  const ImageProcessor processor = Processor();
  for (const Path path : {Path::kChat, Path::kEmbed}) {
    EXPECT_THAT(processor.ImageGrid(0, 10, path), StatusIs(kInvalid));
    EXPECT_THAT(processor.ImageGrid(-1, 10, path), StatusIs(kInvalid));
    EXPECT_THAT(processor.ImageGrid(10, 2001, path), StatusIs(kInvalid));
    EXPECT_THAT(processor.ImageGrid(10, 2000, path), IsOk());
    EXPECT_THAT(processor.ImageGrid(1 << 30, 1 << 30, path), StatusIs(kInvalid));
  }
  Image lying = Picture(8, 8);
  lying.width = 800;
  EXPECT_THAT(processor.ProcessImage(lying, Path::kChat), StatusIs(kInvalid));
  EXPECT_THAT(processor.ProcessImage(Picture(8, 8, 1), Path::kChat), StatusIs(kInvalid));
}

TEST(ImageProcessorTest, EveryGridStaysInsideTheLimits) {
  const ImageProcessor processor = Processor();
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    const int width = 1 + static_cast<int>(random() % 5000);
    const int height = 1 + static_cast<int>(random() % 5000);
    for (const Path path : {Path::kChat, Path::kEmbed}) {
      auto grid = processor.ImageGrid(width, height, path);
      if (!grid.ok()) continue;
      EXPECT_EQ(grid->h % 2, 0);
      EXPECT_EQ(grid->w % 2, 0);
      EXPECT_GE(grid->tokens(2), 1);
      const int64_t most = path == Path::kChat ? 40960 : 1843200;
      // Narrow pictures may stay above: their short side cannot go below a block.
      if (grid->h > 2 && grid->w > 2) {
        EXPECT_LE(grid->patches() * 256, most) << width << "x" << height;
      }
    }
  }
}

TEST(VideoTest, AnOddLastFrameIsRepeated) {
  const ImageProcessor processor = Processor();
  const VideoFrames video = Video(5, 64, 64);
  auto plan = processor.PlanVideo(video, Path::kChat);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->indices, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(plan->timestamps, ElementsAre(0.25, 1.25, 2.0));
  EXPECT_EQ(plan->grid.t, 3);
  auto out = processor.ProcessVideo(video, *plan, Path::kChat);
  ASSERT_THAT(out, IsOk());
  const size_t step = out->patches.size() / 3;
  // Both frames of the last pair are frame 4.
  EXPECT_FLOAT_EQ(out->patches[2 * step], (4 - 127.5f) / 127.5f);
  EXPECT_FLOAT_EQ(out->patches[2 * step + 256], (4 - 127.5f) / 127.5f);
  EXPECT_FLOAT_EQ(out->patches[step + 256], (3 - 127.5f) / 127.5f);
}

TEST(VideoTest, PatchesCanBeMadeAFewAtATime) {
  const ImageProcessor processor = Processor();
  const VideoFrames video = Video(5, 96, 64);
  auto plan = processor.PlanVideo(video, Path::kChat);
  ASSERT_THAT(plan, IsOk());
  auto whole = processor.ProcessVideo(video, *plan, Path::kChat);
  auto frames = processor.ResizeVideo(video, *plan, Path::kChat);
  ASSERT_THAT(whole, IsOk());
  ASSERT_THAT(frames, IsOk());
  EXPECT_EQ(frames->grid, whole->grid);
  const int64_t floats = static_cast<int64_t>(whole->patches.size()) / whole->grid.patches();
  for (int64_t begin = 0; begin < whole->grid.patches(); begin += 8) {
    const int64_t count = std::min<int64_t>(8, whole->grid.patches() - begin);
    std::vector<float> some(count * floats);
    WritePatches(*frames, begin, count, some.data());
    EXPECT_TRUE(std::equal(some.begin(), some.end(), whole->patches.begin() + begin * floats))
        << begin;
  }
}

TEST(VideoTest, FramesAreHeldAsBytesAndRepeatedOnesOnce) {
  const ImageProcessor processor = Processor();
  const VideoFrames video = Video(5, 64, 64);
  auto plan = processor.PlanVideo(video, Path::kChat);
  ASSERT_THAT(plan, IsOk());
  auto frames = processor.ResizeVideo(video, *plan, Path::kChat);
  ASSERT_THAT(frames, IsOk());
  ASSERT_EQ(frames->frames.size(), 6u);
  EXPECT_EQ(frames->frames[4], frames->frames[5]);
  EXPECT_EQ(frames->bytes(), 5 * plan->size.width * plan->size.height * 3);
  auto image = processor.ResizeImage(Picture(64, 64), Path::kChat);
  ASSERT_THAT(image, IsOk());
  EXPECT_EQ(image->bytes(), 64 * 64 * 3);
}

TEST(VideoTest, EmbeddingKeepsAtMostSixtyFourFramesAndEnlargesSmallOnes) {
  const ImageProcessor processor = Processor();
  auto plan = processor.PlanVideo(Video(200, 96, 64), Path::kEmbed);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->indices.size(), 64u);
  EXPECT_EQ(plan->indices.front(), 0);
  EXPECT_EQ(plan->indices.back(), 199);
  EXPECT_EQ(plan->grid.t, 32);
  EXPECT_GE(int64_t{plan->size.height} * plan->size.width, 128 * 1024);
  auto odd = processor.PlanVideo(Video(3, 96, 64), Path::kEmbed);
  ASSERT_THAT(odd, IsOk());
  EXPECT_THAT(odd->indices, ElementsAre(0, 1, 2, 2));
  EXPECT_THAT(odd->timestamps, ElementsAre(0.25, 1.25));
}

TEST(VideoTest, RefusesVideosThatAreNone) {
  const ImageProcessor processor = Processor();
  EXPECT_THAT(processor.PlanVideo({}, Path::kChat), StatusIs(kInvalid));
  EXPECT_THAT(processor.PlanVideo(Video(2, 64, 64, 0), Path::kChat), StatusIs(kInvalid));
  EXPECT_THAT(processor.PlanVideo(Video(2, 64, 64, -1), Path::kEmbed), StatusIs(kInvalid));
  EXPECT_THAT(processor.PlanVideo(Video(2, 16, 64), Path::kChat), StatusIs(kInvalid));
  VideoFrames mixed = Video(2, 64, 64);
  mixed.frames.push_back(std::make_shared<Image>(Picture(32, 64)));
  EXPECT_THAT(processor.PlanVideo(mixed, Path::kChat), StatusIs(kInvalid));
  mixed.frames.back() = nullptr;
  EXPECT_THAT(processor.PlanVideo(mixed, Path::kChat), StatusIs(kInvalid));
}

}  // namespace
}  // namespace sightline::model
