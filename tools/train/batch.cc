#include "tools/train/batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "base/status.h"

namespace sightline::train {
namespace {

int64_t Padded(size_t tokens) {
  return (static_cast<int64_t>(tokens) + Batch::kPadding - 1) / Batch::kPadding * Batch::kPadding;
}

// One picture of one prompt.
struct Visual {
  const Image* image = nullptr;
  model::ImageProcessor::Path path = model::ImageProcessor::Path::kChat;
  model::GridThw grid;
  int64_t first = 0;  // its first token among all pictures' in the order of the prompts
};

}  // namespace

absl::StatusOr<Batch> MakeBatch(const ModelFiles& files, std::span<const model::Prompt> prompts,
                                const PatchMemory& memory) {
  const model::ModelConfig& config = files.config().model;
  const int merge = config.vision.spatial_merge_size;
  std::vector<size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return Padded(prompts[a].ids.size()) < Padded(prompts[b].ids.size());
  });

  int64_t tokens = 0;
  for (const model::Prompt& prompt : prompts) tokens += Padded(prompt.ids.size());
  Batch batch;
  batch.offsets.resize(prompts.size());
  // The padding repeats the last token at the positions that would follow.
  std::vector<int64_t> ids(tokens), positions(3 * tokens);
  std::vector<Visual> visuals;
  std::vector<int64_t> rows, picture_token;
  int64_t offset = 0;
  for (const size_t which : order) {
    const model::Prompt& prompt = prompts[which];
    const auto length = static_cast<int64_t>(prompt.ids.size());
    const int64_t padded = Padded(prompt.ids.size());
    batch.offsets[which] = offset;
    batch.sequences.push_back({padded, nullptr});
    for (int64_t i = 0; i < padded; ++i) {
      const int64_t from = std::min(i, length - 1);
      ids[offset + i] = prompt.ids[from];
      for (int axis = 0; axis < 3; ++axis) {
        positions[axis * tokens + offset + i] =
            prompt.position_ids[axis * length + from] + (i - from);
      }
      if (i < length && prompt.ids[i] == config.image_token_id) {
        rows.push_back(offset + i);
        picture_token.push_back(static_cast<int64_t>(rows.size()) - 1);
      }
    }
    for (size_t v = 0; v < prompt.images.size(); ++v) {
      visuals.push_back({prompt.images[v].get(), prompt.path, prompt.image_grids[v], 0});
    }
    offset += padded;
  }
  batch.ids = at::tensor(ids);
  batch.positions = at::tensor(positions).view({3, tokens});
  if (visuals.empty()) return batch;

  int64_t first = 0;
  for (Visual& visual : visuals) {
    visual.first = first;
    first += visual.grid.tokens(merge);
  }
  // Pictures of one size stand together, so that the tower attends to them in one product.
  std::vector<size_t> by_size(visuals.size());
  std::iota(by_size.begin(), by_size.end(), 0);
  std::stable_sort(by_size.begin(), by_size.end(), [&](size_t a, size_t b) {
    return visuals[a].grid.patches() < visuals[b].grid.patches();
  });
  int64_t all_patches = 0;
  for (const Visual& visual : visuals) all_patches += visual.grid.patches();
  batch.patches = at::empty({all_patches, config.vision.patch_floats()},
                            at::TensorOptions(memory.type).pinned_memory(memory.pinned));
  std::vector<int64_t> source_of(first);
  int64_t next = 0, row = 0;
  for (const size_t v : by_size) {
    const Visual& visual = visuals[v];
    SL_ASSIGN_OR_RETURN(model::VisionPatches patches,
                        files.processor().ProcessImage(*visual.image, visual.path));
    batch.grids.push_back(visual.grid);
    const int64_t count = visual.grid.patches();
    batch.patches.narrow(0, row, count)
        .copy_(at::from_blob(patches.patches.data(), {count, config.vision.patch_floats()}));
    row += count;
    for (int64_t t = 0; t < visual.grid.tokens(merge); ++t) source_of[visual.first + t] = next++;
  }
  std::vector<int64_t> source;
  for (const int64_t token : picture_token) source.push_back(source_of[token]);
  batch.visual_rows = at::tensor(rows);
  batch.visual_source = at::tensor(source);
  return batch;
}

at::Tensor RunBatch(const model::Network& network, const Batch& batch) {
  model::TextBatch text;
  text.embeds = network.text.Embed(batch.ids.to(network.device));
  text.positions = batch.positions.to(network.device);
  text.sequences = batch.sequences;
  if (batch.visual_rows.defined()) {
    const model::VisionFeatures features = network.vision.Forward(batch.patches, batch.grids);
    const at::Tensor source = batch.visual_source.to(network.device);
    text.visual_rows = batch.visual_rows.to(network.device);
    text.embeds =
        text.embeds.index_copy(0, text.visual_rows, features.tokens.index_select(0, source));
    for (const at::Tensor& tap : features.taps) text.taps.push_back(tap.index_select(0, source));
  }
  return network.text.Forward(text);
}

}  // namespace sightline::train
