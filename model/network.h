#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/model_config.h"
#include "model/safetensors.h"
#include "model/text_model.h"
#include "model/vision_tower.h"
#include "model/weights.h"

namespace sightline::model {

// What a network is held in and computes with, from the words of LoadOptions. `stored` is the
// checkpoint's own dtype and "auto" means it, but float32 on the CPU for a network of fewer than
// kSmallNetwork `parameters`, where speed counts more than memory. On the CPU all is computed in
// float32, whatever the weights are held in. kInvalidArgument: an unknown word;
// kFailedPrecondition: a device this build or machine lacks.
absl::StatusOr<NetworkTypes> ResolveTypes(const std::string& device, const std::string& dtype,
                                          const std::string& stored, int64_t parameters);
inline constexpr int64_t kSmallNetwork = 50'000'000;

// The weights of one checkpoint as a vision tower and a decoder. Immutable, but for who trains it:
// they change the tensors of `trainable` between runs, in place. Any thread may run it; in a server
// only its engine does.
struct Network {
  // kFailedPrecondition: a fault of WeightLoader, of Adapter::Open, or a quantised layer that an
  // adapter cannot be merged into. Names nothing asked for are logged as a warning. The adapters in
  // the folders of `merged` are added to the weights for good, in order.
  static absl::StatusOr<std::unique_ptr<Network>> Load(
      const ModelConfig& config, std::shared_ptr<const CheckpointWeights> weights,
      const NetworkTypes& types, const std::vector<std::string>& merged = {},
      const WeightSharing& sharing = {});

  const ModelConfig config;
  const at::Device device;
  const NetworkTypes types;
  const VisionTower vision;
  const TextModel text;
  const int64_t parameters;
  const std::vector<LinearShape> linears;    // by Linear::number
  const std::vector<std::string> merged;     // fingerprints of the adapters in the weights
  const std::vector<HeldTensor> held;        // every tensor, once
  const std::vector<NamedTensor> trainable;  // every tensor, where types.trainable
};

}  // namespace sightline::model
