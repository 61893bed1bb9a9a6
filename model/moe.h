#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "model/linear.h"
#include "model/model_config.h"
#include "model/stored_matrix.h"
#include "model/weights.h"

namespace sightline::model {

// The feed-forward part of a mixture-of-experts layer: each token goes through its best few experts
// and their outputs are summed, weighted by the router's softmax over all experts, renormalised
// over the few. After Qwen3VLMoeTextSparseMoeBlock in transformers,
// models/qwen3_vl_moe/modeling_qwen3_vl_moe.py.
class MoeMlp {
 public:
  // `name` ends in "mlp.". Experts are stored fused ("experts.gate_up_proj", "experts.down_proj")
  // or one by one ("experts.N.gate_proj" and so on). Faults are kept by the loader.
  static MoeMlp Load(WeightLoader& loader, const std::string& name, const TextConfig& config);

  // [tokens, hidden] -> [tokens, hidden]. Adapters change the router alone.
  at::Tensor Forward(const at::Tensor& x, const AdapterSpans& adapters) const;

  Linear& router() { return router_; }

 private:
  struct Expert {
    StoredMatrix
        gate_up;  // [2 * inner, hidden]: the gate half, then the up half; where stored fused
    StoredMatrix gate, up;  // [inner, hidden] each; where stored one by one
    StoredMatrix down;      // [hidden, inner]
    at::Tensor Forward(const at::Tensor& x) const;
  };

  int64_t experts_per_token_ = 0;
  Linear router_;  // [experts, hidden]
  std::vector<Expert> experts_;
};

}  // namespace sightline::model
