#include "model/whole_run.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <vector>

namespace sightline::model {
namespace {

// The features of one picture: those it brings along, else the tower's.
VisionFeatures Features(const Network& network, const VisualInput& visual, const Adapter* adapter,
                        const Probe& probe) {
  if (visual.features != nullptr) return *visual.features;
  return network.vision.Forward(
      [&](int64_t begin, int64_t count, float* out) { visual.ReadPatches(begin, count, out); },
      {&visual.grid, 1}, probe, adapter);
}

VisionFeatures Joined(const std::vector<VisionFeatures>& parts) {
  VisionFeatures out;
  std::vector<at::Tensor> tokens;
  for (const VisionFeatures& part : parts) tokens.push_back(part.tokens);
  out.tokens = at::cat(tokens, 0);
  for (size_t j = 0; j < parts.front().taps.size(); ++j) {
    std::vector<at::Tensor> taps;
    for (const VisionFeatures& part : parts) taps.push_back(part.taps[j]);
    out.taps.push_back(at::cat(taps, 0));
  }
  return out;
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
  if (input.adapter != nullptr) batch.adapters = {{0, tokens, input.adapter.get()}};
  if (!input.visual_rows.empty()) {
    std::vector<VisionFeatures> parts;
    for (const VisualInput& visual : input.visuals)
      parts.push_back(Features(network, visual, input.adapter.get(), probe));
    out.vision = Joined(parts);
    const at::Tensor order = at::tensor(input.visual_source).to(network.device);
    batch.visual_rows = at::tensor(input.visual_rows).to(network.device);
    batch.embeds.index_copy_(0, batch.visual_rows, out.vision.tokens.index_select(0, order));
    for (const at::Tensor& tap : out.vision.taps) {
      batch.taps.push_back(tap.index_select(0, order));
    }
  }
  out.final_norm = network.text.FinalNorm(network.text.Forward(batch, probe));
  out.logits = network.text.Logits(out.final_norm, batch.adapters);
  return out;
}

}  // namespace sightline::model
