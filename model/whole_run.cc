#include "model/whole_run.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <vector>

namespace sightline::model {
namespace {

VisionFeatures AllFeatures(const Network& network, const std::vector<VisualInput>& visuals,
                           const Probe& probe) {
  std::vector<at::Tensor> patches;
  std::vector<GridThw> grids;
  for (const VisualInput& visual : visuals) {
    at::Tensor rows = at::empty({visual.grid.patches(), network.config.vision.patch_floats()});
    std::copy(visual.patches.begin(), visual.patches.end(), rows.data_ptr<float>());
    patches.push_back(rows.to(network.device));
    grids.push_back(visual.grid);
  }
  return network.vision.Forward(at::cat(patches, 0), grids, probe);
}

}  // namespace

WholeRun RunWhole(const Network& network, const SequenceInput& input, const Probe& probe) {
  const c10::InferenceMode inference;
  const auto tokens = static_cast<int64_t>(input.ids.size());
  const std::vector<int64_t> ids(input.ids.begin(), input.ids.end());
  const std::vector<int64_t> positions(input.positions.begin(), input.positions.end());
  WholeRun out;
  TextBatch batch;
  batch.embeds = network.text.Embed(at::tensor(ids).to(network.device));
  batch.positions = at::tensor(positions).view({3, tokens}).to(network.device);
  batch.sequences.push_back({tokens, nullptr});
  if (!input.visual_rows.empty()) {
    out.vision = AllFeatures(network, input.visuals, probe);
    const at::Tensor order = at::tensor(input.visual_source).to(network.device);
    batch.visual_rows = at::tensor(input.visual_rows).to(network.device);
    batch.embeds.index_copy_(0, batch.visual_rows, out.vision.tokens.index_select(0, order));
    for (const at::Tensor& tap : out.vision.taps) {
      batch.taps.push_back(tap.index_select(0, order));
    }
  }
  out.final_norm = network.text.FinalNorm(network.text.Forward(batch, probe));
  out.logits = network.text.Logits(out.final_norm);
  return out;
}

}  // namespace sightline::model
