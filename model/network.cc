#include "model/network.h"

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"

namespace sightline::model {
namespace {

void WarnOfUnused(const WeightLoader& loader, const std::string& folder, bool tied) {
  std::vector<std::string> unused = loader.Unused();
  // Tied checkpoints may carry a copy of the output matrix; the embedding table wins.
  if (tied) std::erase(unused, "lm_head.weight");
  if (unused.empty()) return;
  log::Warning("weights: tensors that the model does not have were ignored",
               {{"folder", folder}, {"count", unused.size()}, {"first", unused.front()}});
}

// Adds the adapter in `folder` to the weights it changes, and says so in `held`.
// Returns its fingerprint.
absl::StatusOr<std::string> MergeAdapter(const std::string& folder,
                                         const std::vector<LinearShape>& linears,
                                         const NetworkTypes& types, VisionTower& vision,
                                         TextModel& text, std::vector<HeldTensor>& held) {
  SL_ASSIGN_OR_RETURN(const auto adapter, Adapter::Open(folder, linears, types));
  absl::Status status;
  const auto merge = [&](Linear& layer) {
    const LowRank* const change = adapter->Find(layer.number);
    if (change == nullptr || !status.ok()) return;
    const void* const before = layer.weight.numbers.data_ptr();
    status = layer.Merge(*change);
    for (HeldTensor& tensor : held) {
      if (tensor.data != before) continue;
      tensor.data = layer.weight.numbers.data_ptr();
      tensor.bytes = layer.weight.bytes();
      tensor.mapped = false;
    }
    if (!status.ok()) {
      status = Annotate(status, absl::StrCat("adapter ", folder, " cannot be merged into ",
                                             linears[layer.number].name));
    }
  };
  vision.ForEachLinear(merge);
  text.ForEachLinear(merge);
  SL_RETURN_IF_ERROR(status);
  return adapter->fingerprint();
}

absl::StatusOr<at::Device> ResolveDevice(const std::string& device) {
  const bool has_cuda = at::hasCUDA();
  if (device == "auto") return has_cuda ? at::Device("cuda:0") : at::Device("cpu");
  if (device == "cpu") return at::Device("cpu");
  if (device == "cuda" || device.rfind("cuda:", 0) == 0) {
    if (!has_cuda) {
      return absl::FailedPreconditionError(
          absl::StrCat("device ", device, " was asked for, but there is no CUDA device"));
    }
    return CatchStatus("device", [&]() -> absl::StatusOr<at::Device> {
      return at::Device(device == "cuda" ? "cuda:0" : device);
    });
  }
  return absl::InvalidArgumentError(
      absl::StrCat("device is \"", device, "\", expected auto, cpu or cuda:N"));
}

}  // namespace

absl::StatusOr<NetworkTypes> ResolveTypes(const std::string& device, const std::string& dtype,
                                          const std::string& stored, int64_t parameters) {
  NetworkTypes types;
  SL_ASSIGN_OR_RETURN(types.device, ResolveDevice(device));
  const bool cpu = types.device.is_cpu();
  std::string wanted = dtype;
  if (wanted == "auto") {
    wanted = stored.empty() || (cpu && parameters < kSmallNetwork) ? "float32" : stored;
  }
  if (wanted == "float32") {
    types.weights = at::kFloat;
  } else if (wanted == "bfloat16") {
    types.weights = at::kBFloat16;
  } else if (wanted == "float16") {
    types.weights = at::kHalf;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("dtype is \"", wanted, "\", expected auto, float32, bfloat16 or float16"));
  }
  types.compute = cpu ? at::kFloat : types.weights;
  return types;
}

absl::StatusOr<std::unique_ptr<Network>> Network::Load(
    const ModelConfig& config, std::shared_ptr<const CheckpointWeights> weights,
    const NetworkTypes& types, const std::vector<std::string>& merged,
    const WeightSharing& sharing) {
  const std::string folder = weights->folder();
  WeightLoader loader(std::move(weights), config.quantization, types, sharing);
  return CatchStatus("weights", [&]() -> absl::StatusOr<std::unique_ptr<Network>> {
    VisionTower vision = VisionTower::Load(loader, config.vision);
    TextModel text = TextModel::Load(loader, config.text, config.tie_word_embeddings);
    SL_RETURN_IF_ERROR(loader.status());
    WarnOfUnused(loader, folder, config.tie_word_embeddings);
    std::vector<LinearShape> linears = loader.TakeLinears();
    std::vector<HeldTensor> held = loader.TakeHeld();
    std::vector<std::string> fingerprints;
    for (const std::string& adapter : merged) {
      SL_ASSIGN_OR_RETURN(std::string fingerprint,
                          MergeAdapter(adapter, linears, types, vision, text, held));
      fingerprints.push_back(std::move(fingerprint));
    }
    return std::unique_ptr<Network>(new Network{
        config, types.device, types, std::move(vision), std::move(text), loader.parameters(),
        std::move(linears), std::move(fingerprints), std::move(held), loader.TakeTrainable()});
  });
}

}  // namespace sightline::model
