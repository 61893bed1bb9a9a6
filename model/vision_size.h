#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace sightline::model {

struct PixelSize {
  int height = 0;
  int width = 0;
  bool operator==(const PixelSize&) const = default;
};

// Sizes of a picture or video in patches: frame pairs, rows, columns, before merging.
struct GridThw {
  int t = 1;
  int h = 0;
  int w = 0;
  bool operator==(const GridThw&) const = default;
  int64_t patches() const { return int64_t{t} * h * w; }
  int64_t tokens(int merge_size) const { return patches() / (int64_t{merge_size} * merge_size); }
};

// Areas; may be fractions, as a video's share of a total is.
struct PixelLimits {
  double min_pixels = 0;
  double max_pixels = 0;
};

// The size a picture is resized to: multiples of `factor` (patch size times merge size) whose area
// is inside `limits`. The three rules differ at the edges; see the model's reference code
// (transformers models/qwen2_vl and qwen3_vl, qwen-vl-utils vision_process.py).
// SmartResizeEmbed may shrink a very narrow picture to a side of 0, as the reference does.
// kInvalidArgument: a side < 1, or longer/shorter above 200; SmartResizeVideo: also a side <
// factor.
absl::StatusOr<PixelSize> SmartResizeChat(PixelSize in, int factor, PixelLimits limits);
absl::StatusOr<PixelSize> SmartResizeEmbed(PixelSize in, int factor, PixelLimits limits);
// `limits` are of frames * height * width.
absl::StatusOr<PixelSize> SmartResizeVideo(int num_frames, PixelSize in, int factor,
                                           int temporal_patch_size, PixelLimits limits);

// Frames taken of `total` at `video_fps` so that about `target_fps` a second remain, spread evenly
// over the whole, ascending. total >= 1; video_fps, target_fps > 0.
std::vector<int> SampleFrames(int total, double video_fps, double target_fps, int min_frames,
                              int max_frames);

// `count` of the numbers 0 … total-1, evenly spaced from the first to the last, rounded half to
// even or truncated. total, count >= 1.
std::vector<int> EvenlySpaced(int total, int count, bool truncate);

// Seconds of each frame pair: the mean of its two frames, the last one repeated when the count is
// odd.
std::vector<double> PairTimestamps(const std::vector<int>& indices, double video_fps);

}  // namespace sightline::model
