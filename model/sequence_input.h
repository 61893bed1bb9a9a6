#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/adapter.h"
#include "model/image_processor.h"
#include "model/picture_regions.h"
#include "model/prompt.h"
#include "model/vision_cache.h"

namespace sightline::model {

// One picture or video on its way to the vision tower: its features when they are known already,
// else its frames or, where they come from outside, its patches.
struct VisualInput {
  GridThw grid;
  std::string key;  // of the vision cache; empty = not to be kept
  VisionFrames frames;
  std::vector<float> patches;  // [grid.patches(), patch_floats]
  std::shared_ptr<const VisionFeatures> features;

  // Memory held by frames and patches.
  int64_t pixel_bytes() const;
  // Writes patches [begin, begin + count) to `out`, [count, patch_floats]; see WritePatches in
  // image_processor.h. Not of one whose features are set.
  void ReadPatches(int64_t begin, int64_t count, float* out) const;
};

// A prompt with its pictures made ready: what the engine takes.
struct SequenceInput {
  std::vector<int32_t> ids;        // [S]
  std::vector<int32_t> positions;  // [3, S]: t, h, w
  int32_t rope_delta = 0;
  std::vector<VisualInput> visuals;  // images in order, then videos in order
  std::vector<int64_t> visual_rows;  // ascending places in `ids` that pictures fill
  std::vector<int64_t>
      visual_source;  // for each: its row among all visuals' tokens laid end to end

  std::shared_ptr<const Adapter> adapter;  // changes the network for this sequence; null = does not

  // Memory held by frames and patches.
  int64_t pixel_bytes() const;
};

// Resizes what `cache` does not hold of this tenant's yet. Runs on the caller's thread: it is the
// slow part of a request besides the network. kInvalidArgument as ImageProcessor.
absl::StatusOr<SequenceInput> PrepareSequence(const Prompt& prompt, const ModelConfig& config,
                                              const ImageProcessor& processor, VisionCache& cache,
                                              std::shared_ptr<const Adapter> adapter,
                                              absl::string_view tenant);

// Patches that take the place of preprocessing: rows of all images in order, and of all videos.
struct GivenPatches {
  std::vector<float> images;
  std::vector<float> videos;
};

// As PrepareSequence with patches from outside. kInvalidArgument: not as many rows as the prompt's
// grids have patches.
absl::StatusOr<SequenceInput> SequenceFromPatches(const Prompt& prompt, const ModelConfig& config,
                                                  const GivenPatches& given);

// `prompt`, of which the only picture is cut down to `region`: to its tokens among `features`,
// those of the whole picture, as if they were a picture of that size. `region` lies inside the
// grid.
absl::StatusOr<SequenceInput> SequenceOfRegion(const Prompt& prompt, const ModelConfig& config,
                                               const VisionFeatures& features,
                                               const CellRect& region,
                                               std::shared_ptr<const Adapter> adapter);

}  // namespace sightline::model
