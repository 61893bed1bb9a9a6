#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "model/bicubic_resize.h"
#include "model/image_processor.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using nlohmann::json;
using ::sightline::testing::GoldenClip;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenPicture;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::Values;
using Path = ImageProcessor::Path;

constexpr float kOneLevel = 0.0079f;  // 2 / 255 and a little
constexpr int kFactor = 32;
constexpr int kRowFloats = 1536;

PixelSize SizeOf(const json& pair) { return {pair[0], pair[1]}; }
GridThw GridOf(const json& triple) { return {triple[0], triple[1], triple[2]}; }
PixelLimits LimitsOf(const json& pair) { return {pair[0], pair[1]}; }

ImageProcessor Processor(int64_t min_pixels, int64_t max_pixels) {
  PreprocessorConfig image;
  image.min_pixels = min_pixels;
  image.max_pixels = max_pixels;
  VideoPreprocessorConfig video;
  video.min_pixels = 8192;
  video.max_pixels = 65536;
  return ImageProcessor(image, video);
}

float MaxDifference(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  float largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

template <typename Numbers>
std::vector<float> Rows(const std::vector<float>& all, const Numbers& rows) {
  std::vector<float> kept;
  for (const int64_t row : rows) {
    kept.insert(kept.end(), all.begin() + row * kRowFloats, all.begin() + (row + 1) * kRowFloats);
  }
  return kept;
}

Image AsImage(std::vector<uint8_t> pixels, PixelSize size) {
  Image image;
  image.width = size.width;
  image.height = size.height;
  image.channels = 3;
  image.pixels = std::move(pixels);
  return image;
}

TEST(PictureGoldenTest, PicturesDecodeToTheReferencePixels) {
  auto tensors = GoldenTensors("preproc/tensors.safetensors");
  int compared = 0;
  const json cases = GoldenJson("preproc/cases.json");
  for (const json& one : cases["image_cases"]) {
    const std::string name = one["name"];
    SCOPED_TRACE(name);
    if (tensors->Find(name + ".decoded_rgb") == nullptr) continue;
    auto rgb = ToRgb(*GoldenPicture(one["file"]), Path::kChat);
    ASSERT_THAT(rgb, IsOk());
    EXPECT_EQ(rgb->pixels, Values<uint8_t>(*tensors, name + ".decoded_rgb"));
    ++compared;
  }
  EXPECT_GE(compared, 4);  // grey, palette, alpha, JPEG
}

TEST(PictureGoldenTest, ResizeEqualsPillowBitForBit) {
  auto tensors = GoldenTensors("preproc/tensors.safetensors");
  const json cases = GoldenJson("preproc/cases.json");
  for (const json& one : cases["image_cases"]) {
    const std::string name = one["name"];
    SCOPED_TRACE(name);
    auto rgb = ToRgb(*GoldenPicture(one["file"]), Path::kChat);
    ASSERT_THAT(rgb, IsOk());
    auto resized = ResizeBicubic(*rgb, SizeOf(one["resized"]));
    ASSERT_THAT(resized, IsOk());
    EXPECT_EQ(resized->pixels, Values<uint8_t>(*tensors, name + ".resized_pil"));

    auto over_white = ToRgb(*GoldenPicture(one["file"]), Path::kEmbed);
    ASSERT_THAT(over_white, IsOk());
    auto wrapper = ResizeBicubic(*over_white, SizeOf(one["wrapper_resized"]));
    ASSERT_THAT(wrapper, IsOk());
    EXPECT_EQ(wrapper->pixels, Values<uint8_t>(*tensors, name + ".wrapper_rgb"));
  }
}

TEST(PictureGoldenTest, PatchesOfAPictureAreTheReferenceOnes) {
  auto tensors = GoldenTensors("preproc/tensors.safetensors");
  const json cases = GoldenJson("preproc/cases.json");
  for (const json& one : cases["image_cases"]) {
    const std::string name = one["name"];
    SCOPED_TRACE(name);
    const ImageProcessor processor = Processor(one["min_pixels"], one["max_pixels"]);
    auto patches = processor.ProcessImage(*GoldenPicture(one["file"]), Path::kChat);
    ASSERT_THAT(patches, IsOk());
    EXPECT_EQ(patches->grid, GridOf(one["grid_thw"]));
    EXPECT_EQ(patches->grid, *processor.ImageGrid(one["width"], one["height"], Path::kChat));
    ASSERT_EQ(patches->patches.size(), one["rows"].get<size_t>() * kRowFloats);

    // From the reference's own resized picture, only the arithmetic is left to differ.
    const PixelSize size = SizeOf(one["resized"]);
    const ImageProcessor same_size = Processor(1, int64_t{1} << 30);
    auto exact = same_size.ProcessImage(
        AsImage(Values<uint8_t>(*tensors, name + ".resized_torch"), size), Path::kChat);
    ASSERT_THAT(exact, IsOk());
    const bool full = one["full_pixel_values"];
    const auto expected =
        Values<float>(*tensors, name + (full ? ".pixel_values" : ".pixel_values_rows"));
    const auto kept = full ? patches->patches : Rows(patches->patches, one["rows_kept"]);
    const auto kept_exact = full ? exact->patches : Rows(exact->patches, one["rows_kept"]);
    EXPECT_LE(MaxDifference(kept, expected), kOneLevel);
    EXPECT_LE(MaxDifference(kept_exact, expected), 1e-6f);

    double sum = 0;
    double abs_sum = 0;
    for (float value : exact->patches) {
      sum += value;
      abs_sum += std::abs(value);
    }
    EXPECT_NEAR(sum, one["sum"].get<double>(), 0.01);
    EXPECT_NEAR(abs_sum, one["abs_sum"].get<double>(), 0.01);
  }
}

TEST(PictureGoldenTest, PicturesOfOneCallStandInOrder) {
  auto tensors = GoldenTensors("preproc/multi.safetensors");
  const ImageProcessor processor = Processor(4096, 40960);
  std::vector<float> all;
  std::vector<int64_t> grids;
  const json multi = GoldenJson("preproc/multi.json");
  for (const json& file : multi["files"]) {
    auto patches = processor.ProcessImage(*GoldenPicture(file), Path::kChat);
    ASSERT_THAT(patches, IsOk());
    all.insert(all.end(), patches->patches.begin(), patches->patches.end());
    grids.insert(grids.end(), {patches->grid.t, patches->grid.h, patches->grid.w});
  }
  EXPECT_EQ(grids, Values<int64_t>(*tensors, "image_grid_thw"));
  const auto kept = Values<int64_t>(*tensors, "pixel_values.rows");
  EXPECT_LE(MaxDifference(Rows(all, kept), Values<float>(*tensors, "pixel_values.kept")),
            kOneLevel);
}

TEST(PictureGoldenTest, SizesFollowEachRule) {
  const json cases = GoldenJson("preproc/cases.json");
  const json& limits = cases["limits"];
  int compared = 0;
  for (const json& one : cases["sizes"]) {
    const PixelSize in = {one["height"], one["width"]};
    SCOPED_TRACE(absl::StrCat(in.height, "x", in.width));
    for (const auto& [key, expected] : one.items()) {
      SCOPED_TRACE(key);
      absl::StatusOr<PixelSize> size;
      if (key.rfind("processor_", 0) == 0) {
        size = SmartResizeChat(in, kFactor, LimitsOf(limits[key.substr(10)]));
      } else if (key.rfind("wrapper_", 0) == 0) {
        size = SmartResizeEmbed(in, kFactor, LimitsOf(limits[key.substr(8)]));
      } else if (key.rfind("video_", 0) == 0) {
        const bool tight = key.find("_tight") != std::string::npos;
        size = SmartResizeVideo(std::stoi(key.substr(6)), in, kFactor, 2,
                                LimitsOf(limits[tight ? "video_tight" : "video"]));
      } else {
        continue;
      }
      ASSERT_THAT(size, IsOk());
      EXPECT_EQ(*size, SizeOf(expected));
      ++compared;
    }
  }
  EXPECT_GT(compared, 100);
  for (const json& one : cases["image_cases"]) {
    const PixelSize in = {one["height"], one["width"]};
    EXPECT_EQ(*SmartResizeChat(in, kFactor, LimitsOf(limits["published"])),
              SizeOf(one["resized_with_published_limits"]));
    EXPECT_EQ(*SmartResizeEmbed(in, kFactor, LimitsOf(limits["embed"])),
              SizeOf(one["wrapper_resized"]));
  }
}

TEST(PictureGoldenTest, FramesAndTimesOfAVideoAreTheReferenceOnes) {
  const json video = GoldenJson("preproc/video.json");
  for (const json& one : video["sampling"]) {
    SCOPED_TRACE(one.dump());
    const double fps = one["video_fps"];
    const std::vector<int> indices = SampleFrames(one["total"], fps, one["target_fps"], 4, 768);
    EXPECT_EQ(indices, one["indices"].get<std::vector<int>>());
    const std::vector<double> stamps = PairTimestamps(indices, fps);
    EXPECT_EQ(stamps, one["timestamps"].get<std::vector<double>>());
  }
}

TEST(PictureGoldenTest, PatchesOfAVideoAreTheReferenceOnes) {
  const json expected = GoldenJson("preproc/video.json")["cases"]["clip"];
  auto tensors = GoldenTensors("preproc/video.safetensors");
  const ImageProcessor processor = Processor(4096, 40960);
  const VideoFrames clip = GoldenClip();
  auto plan = processor.PlanVideo(clip, Path::kChat);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->indices, expected["frames_indices"].get<std::vector<int>>());
  EXPECT_EQ(plan->grid, GridOf(expected["grid_thw"][0]));
  auto patches = processor.ProcessVideo(clip, *plan, Path::kChat);
  ASSERT_THAT(patches, IsOk());
  EXPECT_LE(MaxDifference(patches->patches, Values<float>(*tensors, "pixel_values_videos")),
            kOneLevel);
}

}  // namespace
}  // namespace sightline::model
