#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/weights.h"

namespace sightline::model {

// A low-rank change of one linear layer: W' = W + B A, scale included in B.
struct LowRank {
  at::Tensor a;  // [rank, in]
  at::Tensor b;  // [out, rank]
};

// A PEFT LoRA adapter made ready for one network: the changes by Linear::number. Layout after
// huggingface/peft: adapter_config.json and adapter_model.safetensors, tensors
// "base_model.model.PATH.lora_A.weight" and ".lora_B.weight" with PATH a linear layer's name; scale
// is alpha / rank, or alpha / sqrt(rank) with rslora, rank and alpha from the pattern maps where
// they name the layer. Immutable; any thread.
class Adapter {
 public:
  // kNotFound: no adapter in `folder`; kFailedPrecondition names the field or tensor: another kind
  // of adapter, dora, biases or whole modules saved beside, a layer the network does not have, a
  // shape that does not fit it, half of a pair, values that are not finite. `linears` and `types`
  // are the network's.
  static absl::StatusOr<std::shared_ptr<const Adapter>> Open(
      const std::string& folder, const std::vector<LinearShape>& linears,
      const NetworkTypes& types);

  // The change of the layer, or null.
  const LowRank* Find(int number) const {
    return number >= 0 && number < static_cast<int>(layers_.size()) && layers_[number].has_value()
               ? &*layers_[number]
               : nullptr;
  }

  // Whether it changes the vision tower, so that pictures have other features with it.
  bool changes_vision() const { return changes_vision_; }
  const std::string& fingerprint() const { return fingerprint_; }  // 64 hex digits: config, tensors
  int64_t bytes() const;                                           // of all its tensors
  int64_t parameters() const;

 private:
  Adapter() = default;

  std::vector<std::optional<LowRank>> layers_;
  bool changes_vision_ = false;
  std::string fingerprint_;
};

// Which rows of a packed batch an adapter changes. Rows that no span covers run on the bare
// network.
struct AdapterSpan {
  int64_t offset = 0;
  int64_t count = 0;
  const Adapter* adapter = nullptr;  // borrowed
};
using AdapterSpans = std::vector<AdapterSpan>;  // ascending, without overlap

}  // namespace sightline::model
