#include "model/image_processor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "model/bicubic_resize.h"

namespace sightline::model {
namespace {

using Path = ImageProcessor::Path;

// The Embedding and Reranker wrapper's own numbers (QwenLM/Qwen3-VL-Embedding, qwen-vl-utils), in
// merged patches times the area of one.
constexpr int kEmbedMinTokens = 4;
constexpr int kEmbedMaxTokens = 1800;
constexpr int kEmbedMaxFrames = 64;
constexpr int kEmbedFrameMaxTokens = 16384;  // of the first resize of a frame
constexpr int kEmbedVideoMinTokens = 128;    // of one frame
constexpr int kEmbedVideoMaxTokens = 768;
constexpr int kEmbedVideoTotalTokens = 7680;  // of all frames

absl::Status CheckPicture(const Image& image) {
  if (image.width < 1 || image.height < 1 || (image.channels != 3 && image.channels != 4) ||
      image.pixels.size() != static_cast<size_t>(image.width) * image.height * image.channels) {
    return absl::InvalidArgumentError(absl::StrCat("picture: ", image.width, "x", image.height,
                                                   " with ", image.channels, " channels in ",
                                                   image.pixels.size(), " bytes"));
  }
  return absl::OkStatus();
}

int Factor(const PreprocessorConfig& config) { return config.patch_size * config.merge_size; }

// SmartResizeEmbed, refusing what it shrinks to nothing.
absl::StatusOr<PixelSize> EmbedSize(PixelSize in, int factor, PixelLimits limits) {
  SL_ASSIGN_OR_RETURN(const PixelSize out, SmartResizeEmbed(in, factor, limits));
  if (out.height > 0 && out.width > 0) return out;
  return absl::InvalidArgumentError(absl::StrCat("picture is ", in.width, "x", in.height,
                                                 ", too narrow to fit into ", limits.max_pixels,
                                                 " pixels"));
}

absl::StatusOr<PixelSize> ImageSize(const PreprocessorConfig& config, PixelSize in, Path path) {
  const int factor = Factor(config);
  if (path == Path::kChat) {
    return SmartResizeChat(
        in, factor,
        {static_cast<double>(config.min_pixels), static_cast<double>(config.max_pixels)});
  }
  const double block = static_cast<double>(factor) * factor;
  double max_pixels = kEmbedMaxTokens * block;
  if (config.embed_max_pixels > 0) {
    max_pixels = std::min(max_pixels, static_cast<double>(config.embed_max_pixels));
  }
  return EmbedSize(in, factor, {kEmbedMinTokens * block, max_pixels});
}

GridThw GridOf(const PreprocessorConfig& config, int frames, PixelSize size) {
  const int per_step = config.temporal_patch_size;
  return {(frames + per_step - 1) / per_step, size.height / config.patch_size,
          size.width / config.patch_size};
}

// The normalised value of each byte, per channel. Mean and deviation are scaled to bytes first and
// the arithmetic is float32, as the reference's fused form.
class Normalizer {
 public:
  explicit Normalizer(const PreprocessorConfig& config) {
    for (int channel = 0; channel < 3; ++channel) {
      const float mean = config.image_mean[channel] * 255.0f;
      const float deviation = config.image_std[channel] * 255.0f;
      for (int value = 0; value < 256; ++value) {
        table_[channel][value] = (static_cast<float>(value) - mean) / deviation;
      }
    }
  }
  const float* channel(int index) const { return table_[index].data(); }

 private:
  std::array<std::array<float, 256>, 3> table_;
};

// One patch's pixels of one channel and frame: [patch, patch] floats from interleaved bytes.
void FlattenSquare(const uint8_t* corner, size_t row_bytes, int patch, const float* table,
                   float* out) {
  for (int y = 0; y < patch; ++y) {
    const uint8_t* pixel = corner + y * row_bytes;
    for (int x = 0; x < patch; ++x) *out++ = table[pixel[3 * x]];
  }
}

int64_t PatchFloats(const PreprocessorConfig& config) {
  return int64_t{3} * config.temporal_patch_size * config.patch_size * config.patch_size;
}

uint8_t OverWhite(int value, int alpha) {
  const int sum = value * alpha + 255 * (255 - alpha) + 128;
  return static_cast<uint8_t>((sum + (sum >> 8)) >> 8);
}

// The size all frames share.
absl::StatusOr<PixelSize> FrameSize(const VideoFrames& video) {
  if (video.frames.empty()) return absl::InvalidArgumentError("video has no frames");
  PixelSize size;
  for (size_t i = 0; i < video.frames.size(); ++i) {
    if (video.frames[i] == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("video frame ", i, " is missing"));
    }
    const PixelSize one = {video.frames[i]->height, video.frames[i]->width};
    if (i == 0) size = one;
    if (one != size) {
      return absl::InvalidArgumentError(absl::StrCat("video frame ", i, " is ", one.width, "x",
                                                     one.height, ", the first is ", size.width, "x",
                                                     size.height));
    }
  }
  return size;
}

absl::StatusOr<VideoPlan> PlanChatVideo(const VideoPreprocessorConfig& config,
                                        const VideoFrames& video, PixelSize in) {
  VideoPlan plan;
  plan.indices = SampleFrames(static_cast<int>(video.frames.size()), video.fps, config.fps,
                              config.min_frames, config.max_frames);
  plan.timestamps = PairTimestamps(plan.indices, video.fps);
  plan.first = in;
  SL_ASSIGN_OR_RETURN(plan.size, SmartResizeVideo(static_cast<int>(plan.indices.size()), in,
                                                  Factor(config), config.temporal_patch_size,
                                                  {static_cast<double>(config.min_pixels),
                                                   static_cast<double>(config.max_pixels)}));
  return plan;
}

absl::StatusOr<VideoPlan> PlanEmbedVideo(const PreprocessorConfig& config, const VideoFrames& video,
                                         PixelSize in) {
  const int factor = Factor(config);
  const double block = static_cast<double>(factor) * factor;
  const int total = static_cast<int>(video.frames.size());
  VideoPlan plan;
  plan.indices = EvenlySpaced(total, std::min(total, kEmbedMaxFrames), /*truncate=*/true);
  if (plan.indices.size() % 2 != 0) plan.indices.push_back(plan.indices.back());
  const int count = static_cast<int>(plan.indices.size());
  // Time runs over the frames kept, the repeated one included, as the reference's metadata says.
  std::vector<int> kept(count);
  for (int i = 0; i < count; ++i) kept[i] = i;
  plan.timestamps = PairTimestamps(kept, video.fps);
  SL_ASSIGN_OR_RETURN(
      plan.first, EmbedSize(in, factor, {kEmbedMinTokens * block, kEmbedFrameMaxTokens * block}));
  const double min_pixels = kEmbedVideoMinTokens * block;
  const double share = kEmbedVideoTotalTokens * block / count * 2;
  const double max_pixels =
      std::max(std::min(kEmbedVideoMaxTokens * block, share), std::floor(min_pixels * 1.05));
  SL_ASSIGN_OR_RETURN(plan.size, EmbedSize(plan.first, factor, {min_pixels, max_pixels}));
  return plan;
}

VisionPatches AllPatches(const VisionFrames& frames) {
  VisionPatches out;
  out.grid = frames.grid;
  out.patches.resize(frames.grid.patches() * PatchFloats(frames.config));
  WritePatches(frames, 0, frames.grid.patches(), out.patches.data());
  return out;
}

}  // namespace

int64_t VisionFrames::bytes() const {
  int64_t total = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (i == 0 || frames[i] != frames[i - 1])
      total += static_cast<int64_t>(frames[i]->pixels.size());
  }
  return total;
}

void WritePatches(const VisionFrames& frames, int64_t begin, int64_t count, float* out) {
  const PreprocessorConfig& config = frames.config;
  const Normalizer normalizer(config);
  const int64_t patch = config.patch_size, merge = config.merge_size;
  const int per_step = config.temporal_patch_size;
  const size_t square = static_cast<size_t>(patch) * patch;
  const size_t row_bytes = static_cast<size_t>(frames.grid.w) * patch * 3;
  const int64_t block_columns = frames.grid.w / merge;
  const int64_t step_patches = int64_t{frames.grid.h} * frames.grid.w;
  for (int64_t index = begin; index < begin + count; ++index) {
    const int64_t block = index % step_patches / (merge * merge), inner = index % (merge * merge);
    const int64_t row = block / block_columns * merge + inner / merge;
    const int64_t column = block % block_columns * merge + inner % merge;
    const size_t corner = static_cast<size_t>(row * patch) * row_bytes + column * patch * 3;
    const ImagePtr* const step = frames.frames.data() + index / step_patches * per_step;
    for (int channel = 0; channel < 3; ++channel) {
      for (int frame = 0; frame < per_step; ++frame, out += square) {
        if (frame > 0 && step[frame] == step[frame - 1]) {
          std::memcpy(out, out - square, square * sizeof(float));
        } else {
          FlattenSquare(step[frame]->pixels.data() + corner + channel, row_bytes,
                        static_cast<int>(patch), normalizer.channel(channel), out);
        }
      }
    }
  }
}

absl::StatusOr<Image> ToRgb(const Image& image, Path path) {
  SL_RETURN_IF_ERROR(CheckPicture(image));
  if (image.channels == 3) return image;
  Image out;
  out.width = image.width;
  out.height = image.height;
  out.channels = 3;
  const size_t count = static_cast<size_t>(image.width) * image.height;
  out.pixels.resize(count * 3);
  const uint8_t* in = image.pixels.data();
  uint8_t* rgb = out.pixels.data();
  for (size_t i = 0; i < count; ++i, in += 4, rgb += 3) {
    for (int channel = 0; channel < 3; ++channel) {
      rgb[channel] = path == Path::kChat ? in[channel] : OverWhite(in[channel], in[3]);
    }
  }
  return out;
}

absl::StatusOr<GridThw> ImageProcessor::ImageGrid(int width, int height, Path path) const {
  SL_ASSIGN_OR_RETURN(const PixelSize size, ImageSize(image_, {height, width}, path));
  return GridOf(image_, 1, size);
}

absl::StatusOr<VisionFrames> ImageProcessor::ResizeImage(const Image& image, Path path) const {
  SL_RETURN_IF_ERROR(CheckPicture(image));
  SL_ASSIGN_OR_RETURN(const PixelSize size, ImageSize(image_, {image.height, image.width}, path));
  SL_ASSIGN_OR_RETURN(Image resized, Resized(image, {size}, path));
  VisionFrames out;
  out.grid = GridOf(image_, 1, size);
  out.frames.assign(image_.temporal_patch_size, std::make_shared<Image>(std::move(resized)));
  out.config = image_;
  return out;
}

absl::StatusOr<VisionPatches> ImageProcessor::ProcessImage(const Image& image, Path path) const {
  SL_ASSIGN_OR_RETURN(const VisionFrames frames, ResizeImage(image, path));
  return AllPatches(frames);
}

absl::StatusOr<VideoPlan> ImageProcessor::PlanVideo(const VideoFrames& video, Path path) const {
  SL_ASSIGN_OR_RETURN(const PixelSize in, FrameSize(video));
  if (!(video.fps > 0) || !std::isfinite(video.fps)) {
    return absl::InvalidArgumentError(absl::StrCat("video has ", video.fps, " frames a second"));
  }
  SL_ASSIGN_OR_RETURN(VideoPlan plan, path == Path::kChat ? PlanChatVideo(video_, video, in)
                                                          : PlanEmbedVideo(video_, video, in));
  plan.grid = GridOf(video_, static_cast<int>(plan.indices.size()), plan.size);
  return plan;
}

absl::StatusOr<VisionFrames> ImageProcessor::ResizeVideo(const VideoFrames& video,
                                                         const VideoPlan& plan, Path path) const {
  SL_ASSIGN_OR_RETURN(const PixelSize in, FrameSize(video));
  VisionFrames out;
  out.grid = plan.grid;
  out.config = video_;
  const size_t wanted = static_cast<size_t>(plan.grid.t) * video_.temporal_patch_size;
  int previous = -1;
  for (size_t i = 0; i < wanted; ++i) {
    const int index = plan.indices[std::min(i, plan.indices.size() - 1)];
    if (index < 0 || index >= static_cast<int>(video.frames.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("video plan names frame ", index, " of ", video.frames.size()));
    }
    const ImagePtr& frame = video.frames[index];
    if (index == previous) {
      out.frames.push_back(out.frames.back());
    } else if (frame->channels == 3 && in == plan.first && in == plan.size) {
      SL_RETURN_IF_ERROR(CheckPicture(*frame));
      out.frames.push_back(frame);
    } else {
      SL_ASSIGN_OR_RETURN(Image one, Resized(*frame, {plan.first, plan.size}, path));
      out.frames.push_back(std::make_shared<Image>(std::move(one)));
    }
    previous = index;
  }
  return out;
}

absl::StatusOr<VisionPatches> ImageProcessor::ProcessVideo(const VideoFrames& video,
                                                           const VideoPlan& plan, Path path) const {
  SL_ASSIGN_OR_RETURN(const VisionFrames frames, ResizeVideo(video, plan, path));
  return AllPatches(frames);
}

absl::StatusOr<Image> ImageProcessor::Resized(const Image& image,
                                              std::initializer_list<PixelSize> sizes, Path path) {
  SL_RETURN_IF_ERROR(CheckPicture(image));
  Image own;
  const Image* picture = &image;  // a large picture is not copied on its way to a resize
  if (image.channels != 3) {
    SL_ASSIGN_OR_RETURN(own, ToRgb(image, path));
    picture = &own;
  }
  for (PixelSize size : sizes) {
    if (size == PixelSize{picture->height, picture->width}) continue;
    SL_ASSIGN_OR_RETURN(own, ResizeBicubic(*picture, size));
    picture = &own;
  }
  if (picture != &own) own = *picture;
  return own;
}

}  // namespace sightline::model
