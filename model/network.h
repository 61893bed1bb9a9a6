#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/model_config.h"
#include "model/safetensors.h"
#include "model/text_model.h"
#include "model/vision_tower.h"

namespace sightline::model {

// The device and dtype a network computes on, from the words of LoadOptions.
// kInvalidArgument: an unknown word; kFailedPrecondition: a device this build or machine lacks, or
// float16 on the CPU. `stored` is the checkpoint's own dtype; "auto" means it on a GPU and float32
// on the CPU, where 16-bit products are many times slower.
absl::StatusOr<at::Device> ResolveDevice(const std::string& device);
absl::StatusOr<at::ScalarType> ResolveDtype(const std::string& dtype, const std::string& stored,
                                            at::Device device);

// The weights of one checkpoint as a vision tower and a decoder. Immutable. Any thread may run it;
// in a server only its engine does.
struct Network {
  // kFailedPrecondition: quantised weights, or a fault of WeightLoader. Names nothing asked for are
  // logged as a warning.
  static absl::StatusOr<std::unique_ptr<Network>> Load(
      const ModelConfig& config, std::shared_ptr<const CheckpointWeights> weights,
      at::Device device, at::ScalarType dtype);

  const ModelConfig config;
  const at::Device device;
  const at::ScalarType dtype;
  const VisionTower vision;
  const TextModel text;
  const int64_t parameters;
};

}  // namespace sightline::model
