#include "model/moe.h"

#include <ATen/ATen.h>

#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sightline::model {

MoeMlp MoeMlp::Load(WeightLoader& loader, const std::string& name, const TextConfig& config) {
  const int64_t experts = config.num_experts, hidden = config.hidden_size;
  const int64_t inner = config.moe_intermediate_size;
  MoeMlp mlp;
  mlp.experts_per_token_ = config.num_experts_per_tok;
  mlp.router_ = LoadLinear(loader, name + "gate", experts, hidden, false);
  mlp.experts_.resize(experts);
  const std::string root = name + "experts.";
  if (!loader.Has(root + "gate_up_proj") && loader.HasMatrix(root + "0.gate_proj")) {
    for (int64_t e = 0; e < experts; ++e) {
      Expert& expert = mlp.experts_[e];
      const std::string one = absl::StrCat(root, e, ".");
      expert.gate = loader.TakeMatrix(one + "gate_proj", inner, hidden);
      expert.up = loader.TakeMatrix(one + "up_proj", inner, hidden);
      expert.down = loader.TakeMatrix(one + "down_proj", hidden, inner);
    }
    return mlp;
  }
  std::vector<StoredMatrix> gate_up =
      loader.TakeExperts(root + "gate_up_proj", experts, 2 * inner, hidden);
  std::vector<StoredMatrix> down = loader.TakeExperts(root + "down_proj", experts, hidden, inner);
  if (!loader.status().ok()) return mlp;
  for (int64_t e = 0; e < experts; ++e) {
    mlp.experts_[e].gate_up = std::move(gate_up[e]);
    mlp.experts_[e].down = std::move(down[e]);
  }
  return mlp;
}

at::Tensor MoeMlp::Expert::Forward(const at::Tensor& x) const {
  if (!gate_up.defined()) return down.Multiply(at::silu(gate.Multiply(x)).mul_(up.Multiply(x)));
  const at::Tensor both = gate_up.Multiply(x);
  const int64_t inner = both.size(1) / 2;
  return down.Multiply(at::silu(both.narrow(1, 0, inner)).mul_(both.narrow(1, inner, inner)));
}

at::Tensor MoeMlp::Forward(const at::Tensor& x, const AdapterSpans& adapters) const {
  const at::Tensor probabilities = at::softmax(router_(x, adapters).to(at::kFloat), -1);
  at::Tensor weights, chosen;  // [tokens, experts_per_token]
  std::tie(weights, chosen) = at::topk(probabilities, experts_per_token_, -1);
  weights = weights.div(weights.sum(-1, /*keepdim=*/true)).to(x.scalar_type());

  // One copy to the host for all experts, instead of a synchronisation for each.
  const at::Tensor chosen_here = chosen.to(at::kCPU).contiguous();
  const int64_t* const expert_of = chosen_here.data_ptr<int64_t>();
  std::vector<std::vector<int64_t>> slots(experts_.size());  // flat indices into `chosen`
  for (int64_t i = 0; i < chosen_here.numel(); ++i) slots[expert_of[i]].push_back(i);

  const at::Tensor flat_weights = weights.reshape({-1, 1});
  at::Tensor out = at::zeros_like(x);
  for (size_t e = 0; e < slots.size(); ++e) {
    if (slots[e].empty()) continue;
    const at::Tensor slot = at::tensor(slots[e]).to(x.device());
    const at::Tensor rows = at::floor_divide(slot, experts_per_token_);
    const at::Tensor y = experts_[e].Forward(x.index_select(0, rows));
    out.index_add_(0, rows, y.mul(flat_weights.index_select(0, slot)));
  }
  return out;
}

}  // namespace sightline::model
