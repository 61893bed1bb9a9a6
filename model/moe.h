#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "model/model_config.h"
#include "model/weights.h"

namespace sightline::model {

// The feed-forward part of a mixture-of-experts layer: each token goes through its best few experts
// and their outputs are summed, weighted by the router's softmax over all experts, renormalised
// over the few. After Qwen3VLMoeTextSparseMoeBlock in transformers,
// models/qwen3_vl_moe/modeling_qwen3_vl_moe.py.
class MoeMlp {
 public:
  // `name` ends in "mlp.". Faults are kept by the loader.
  static MoeMlp Load(WeightLoader& loader, const std::string& name, const TextConfig& config);

  // [tokens, hidden] -> [tokens, hidden]
  at::Tensor Forward(const at::Tensor& x) const;

 private:
  int64_t experts_per_token_ = 0;
  at::Tensor router_;  // [experts, hidden]
  at::Tensor
      gate_up_;      // [experts, hidden, 2 * inner], input-major: the gate half, then the up half
  at::Tensor down_;  // [experts, inner, hidden], input-major
};

}  // namespace sightline::model
