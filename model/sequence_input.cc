#include "model/sequence_input.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/status.h"
#include "model/vision_tower.h"

namespace sightline::model {
namespace {

void AddPicture(Hasher& hasher, const Image& image) {
  hasher.AddNumber(image.width).AddNumber(image.height).AddNumber(image.channels);
  hasher.AddField(
      absl::string_view(reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()));
}

// The front ends differ in how they choose a size, which the key names too, and in what they do
// with transparency: for a picture without it, the size decides.
uint64_t FrontEnd(const Image& image, ImageProcessor::Path path) {
  return image.channels == 3 ? 0 : 1 + static_cast<uint64_t>(path);
}

// Whose pictures and, where an adapter changes the vision tower, with which they are looked at:
// features made with a changed tower are another picture's.
Hasher KeyStart(absl::string_view kind, absl::string_view tenant, const Adapter* adapter) {
  Hasher hasher;
  hasher.AddField(kind).AddField(tenant);
  hasher.AddField(adapter != nullptr && adapter->changes_vision() ? adapter->fingerprint() : "");
  return hasher;
}

// Names the pixels and what is done to them: the grid follows from the size and the limits in
// force.
std::string ImageKey(const Hasher& start, const Image& image, const GridThw& grid,
                     ImageProcessor::Path path) {
  Hasher hasher = start;
  hasher.AddNumber(FrontEnd(image, path));
  hasher.AddNumber(grid.h).AddNumber(grid.w);
  AddPicture(hasher, image);
  return hasher.HexDigest();
}

std::string VideoKey(const Hasher& start, const Prompt::Video& video, ImageProcessor::Path path) {
  const VideoPlan& plan = video.plan;
  Hasher hasher = start;
  uint64_t front_end = 0;
  for (const int index : plan.indices) {
    front_end = std::max(front_end, FrontEnd(*video.frames.frames[index], path));
  }
  hasher.AddNumber(front_end);
  hasher.AddNumber(plan.grid.t).AddNumber(plan.grid.h).AddNumber(plan.grid.w);
  hasher.AddNumber(plan.first.width).AddNumber(plan.first.height);
  hasher.AddNumber(plan.size.width).AddNumber(plan.size.height);
  for (const int index : plan.indices) AddPicture(hasher, *video.frames.frames[index]);
  return hasher.HexDigest();
}

// Finds the places of the pictures' tokens and which row of all features goes to each: image tokens
// take the images' rows in order, video tokens the videos', which stand behind them.
void PlaceVisuals(const Prompt& prompt, const ModelConfig& config, int merge, SequenceInput& out) {
  int64_t next_image = 0;
  int64_t next_video = 0;
  for (const GridThw& grid : prompt.image_grids) next_video += grid.tokens(merge);
  for (size_t i = 0; i < prompt.ids.size(); ++i) {
    const bool image = prompt.ids[i] == config.image_token_id;
    if (!image && prompt.ids[i] != config.video_token_id) continue;
    out.visual_rows.push_back(static_cast<int64_t>(i));
    out.visual_source.push_back(image ? next_image++ : next_video++);
  }
}

SequenceInput WithoutVisuals(const Prompt& prompt, const ModelConfig& config) {
  SequenceInput out;
  out.ids = prompt.ids;
  out.positions = prompt.position_ids;
  out.rope_delta = prompt.rope_delta;
  PlaceVisuals(prompt, config, config.vision.spatial_merge_size, out);
  return out;
}

// Takes each grid's rows off the front of `rows`.
absl::Status Deal(const std::vector<float>& rows, const std::vector<GridThw>& grids, int64_t width,
                  absl::string_view what, std::vector<VisualInput>& out) {
  int64_t wanted = 0;
  for (const GridThw& grid : grids) wanted += grid.patches();
  if (static_cast<int64_t>(rows.size()) != wanted * width) {
    return absl::InvalidArgumentError(absl::StrCat(what, " patches: ", rows.size() / width,
                                                   " rows given, the prompt needs ", wanted));
  }
  auto at = rows.begin();
  for (const GridThw& grid : grids) {
    const auto end = at + grid.patches() * width;
    VisualInput& visual = out.emplace_back();
    visual.grid = grid;
    visual.patches.assign(at, end);
    at = end;
  }
  return absl::OkStatus();
}

}  // namespace

int64_t VisualInput::pixel_bytes() const {
  return frames.bytes() + static_cast<int64_t>(patches.size() * sizeof(float));
}

void VisualInput::ReadPatches(int64_t begin, int64_t count, float* out) const {
  if (patches.empty()) return WritePatches(frames, begin, count, out);
  const auto width = static_cast<int64_t>(patches.size()) / grid.patches();
  std::copy_n(patches.begin() + begin * width, count * width, out);
}

int64_t SequenceInput::pixel_bytes() const {
  int64_t total = 0;
  for (const VisualInput& visual : visuals) total += visual.pixel_bytes();
  return total;
}

absl::StatusOr<SequenceInput> PrepareSequence(const Prompt& prompt, const ModelConfig& config,
                                              const ImageProcessor& processor, VisionCache& cache,
                                              std::shared_ptr<const Adapter> adapter,
                                              absl::string_view tenant) {
  SequenceInput out = WithoutVisuals(prompt, config);
  const Hasher image_key = KeyStart("image", tenant, adapter.get());
  const Hasher video_key = KeyStart("video", tenant, adapter.get());
  out.adapter = std::move(adapter);
  for (size_t i = 0; i < prompt.images.size(); ++i) {
    VisualInput visual;
    visual.grid = prompt.image_grids[i];
    visual.key = ImageKey(image_key, *prompt.images[i], visual.grid, prompt.path);
    visual.features = cache.Find(visual.key);
    if (visual.features == nullptr) {
      SL_ASSIGN_OR_RETURN(visual.frames, processor.ResizeImage(*prompt.images[i], prompt.path));
    }
    out.visuals.push_back(std::move(visual));
  }
  for (size_t i = 0; i < prompt.videos.size(); ++i) {
    const Prompt::Video& video = prompt.videos[i];
    VisualInput visual;
    visual.grid = prompt.video_grids[i];
    visual.key = VideoKey(video_key, video, prompt.path);
    visual.features = cache.Find(visual.key);
    if (visual.features == nullptr) {
      SL_ASSIGN_OR_RETURN(visual.frames,
                          processor.ResizeVideo(video.frames, video.plan, prompt.path));
    }
    out.visuals.push_back(std::move(visual));
  }
  return out;
}

absl::StatusOr<SequenceInput> SequenceFromPatches(const Prompt& prompt, const ModelConfig& config,
                                                  const GivenPatches& given) {
  SequenceInput out = WithoutVisuals(prompt, config);
  const int64_t width = config.vision.patch_floats();
  SL_RETURN_IF_ERROR(Deal(given.images, prompt.image_grids, width, "image", out.visuals));
  SL_RETURN_IF_ERROR(Deal(given.videos, prompt.video_grids, width, "video", out.visuals));
  return out;
}

absl::StatusOr<SequenceInput> SequenceOfRegion(const Prompt& prompt, const ModelConfig& config,
                                               const VisionFeatures& features,
                                               const CellRect& region,
                                               std::shared_ptr<const Adapter> adapter) {
  const int merge = config.vision.spatial_merge_size;
  const int columns = prompt.image_grids.front().w / merge;
  std::vector<int64_t> kept;
  for (int row = region.row; row < region.row + region.rows; ++row) {
    for (int column = region.column; column < region.column + region.columns; ++column) {
      kept.push_back(int64_t{row} * columns + column);
    }
  }
  Prompt cut;
  cut.image_grids = {{1, region.rows * merge, region.columns * merge}};
  size_t left = kept.size();  // of the picture's tokens
  for (const int32_t id : prompt.ids) {
    if (id == config.image_token_id) {
      if (left == 0) continue;
      --left;
    }
    cut.ids.push_back(id);
  }
  SL_ASSIGN_OR_RETURN(Positions positions, ComputePositions(cut.ids, cut.image_grids, {}, config));
  cut.position_ids = std::move(positions.ids);
  cut.rope_delta = positions.rope_delta;
  SequenceInput out = WithoutVisuals(cut, config);
  out.adapter = std::move(adapter);
  const c10::InferenceMode inference;
  const at::Tensor rows = at::tensor(kept).to(features.tokens.device());
  auto own = std::make_shared<VisionFeatures>();
  own->tokens = features.tokens.index_select(0, rows);
  for (const at::Tensor& tap : features.taps) own->taps.push_back(tap.index_select(0, rows));
  VisualInput& visual = out.visuals.emplace_back();
  visual.grid = cut.image_grids.front();
  visual.features = std::move(own);
  return out;
}

}  // namespace sightline::model
