#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "absl/status/statusor.h"
#include "base/image.h"
#include "model/model_config.h"
#include "model/vision_size.h"

namespace sightline::model {

// What the vision tower takes for one picture or video.
struct VisionPatches {
  std::vector<float> patches;  // [grid.patches(), patch_floats], the patches of a merge block
                               // adjacent; a row is channel, frame, y, x
  GridThw grid;
};

// A picture or a video on its way to patches: its frames at their final size, as bytes. They take
// an eighth of a picture's patches and a quarter of a video's.
struct VisionFrames {
  GridThw grid;
  std::vector<ImagePtr> frames;  // RGB, grid.t * temporal_patch_size of them; equal neighbours are
                                 // one object
  PreprocessorConfig config;

  int64_t bytes() const;  // of pixels
};

// Writes patches [begin, begin + count) of all of `frames`, as VisionPatches lays them out, to
// `out`, [count, patch_floats]. Both are multiples of a merge block's patches.
void WritePatches(const VisionFrames& frames, int64_t begin, int64_t count, float* out);

// How a video will be cut into frames and sized; made before its pixels are touched.
struct VideoPlan {
  std::vector<int> indices;        // frames taken, in order; may repeat
  std::vector<double> timestamps;  // seconds, one a frame pair: grid.t of them
  PixelSize first;  // kEmbed: every frame is resized to this before; else the frames' own size
  PixelSize size;   // of the frames at the end
  GridThw grid;
};

// Turns decoded pictures and frames into patches, by the rules of either front end:
// kChat drops alpha and uses the checkpoint's limits; kEmbed, of the Embedding and Reranker models,
// pastes RGBA over white and has limits of its own. Immutable; any thread.
class ImageProcessor {
 public:
  enum class Path { kChat, kEmbed };

  ImageProcessor(const PreprocessorConfig& image, const VideoPreprocessorConfig& video)
      : image_(image), video_(video) {}

  const PreprocessorConfig& image_config() const { return image_; }
  const VideoPreprocessorConfig& video_config() const { return video_; }

  // The grid a picture of this size gets. kInvalidArgument: empty, longer/shorter side above 200,
  // or too narrow for the limits.
  absl::StatusOr<GridThw> ImageGrid(int width, int height, Path path) const;
  // kInvalidArgument as ImageGrid, and when the pixels disagree with the size or channels are not 3
  // or 4.
  absl::StatusOr<VisionFrames> ResizeImage(const Image& image, Path path) const;
  absl::StatusOr<VisionPatches> ProcessImage(const Image& image, Path path) const;

  // kInvalidArgument: no frames, frames of different sizes, fps <= 0, sides too small for the rule.
  absl::StatusOr<VideoPlan> PlanVideo(const VideoFrames& video, Path path) const;
  // `plan` is what PlanVideo gave for this video and path. Frames that have their final size
  // already are shared with `video`.
  absl::StatusOr<VisionFrames> ResizeVideo(const VideoFrames& video, const VideoPlan& plan,
                                           Path path) const;
  absl::StatusOr<VisionPatches> ProcessVideo(const VideoFrames& video, const VideoPlan& plan,
                                             Path path) const;

 private:
  // `image` as RGB, resized to each size in turn.
  static absl::StatusOr<Image> Resized(const Image& image, std::initializer_list<PixelSize> sizes,
                                       Path path);

  const PreprocessorConfig image_;
  const VideoPreprocessorConfig video_;
};

// `image` as RGB: alpha dropped (kChat), or pasted over white in Pillow's integer arithmetic
// (kEmbed).
absl::StatusOr<Image> ToRgb(const Image& image, ImageProcessor::Path path);

}  // namespace sightline::model
