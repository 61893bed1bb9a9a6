#include "model/moe.h"

#include <ATen/ATen.h>

#include <tuple>
#include <vector>

namespace sightline::model {

MoeMlp MoeMlp::Load(WeightLoader& loader, const std::string& name, const TextConfig& config) {
  const int64_t experts = config.num_experts, hidden = config.hidden_size;
  const int64_t inner = config.moe_intermediate_size;
  MoeMlp mlp;
  mlp.experts_per_token_ = config.num_experts_per_tok;
  mlp.router_ = loader.Take(name + "gate.weight", {experts, hidden});
  mlp.gate_up_ = loader.Take(name + "experts.gate_up_proj", {experts, hidden, 2 * inner});
  mlp.down_ = loader.Take(name + "experts.down_proj", {experts, inner, hidden});
  return mlp;
}

at::Tensor MoeMlp::Forward(const at::Tensor& x) const {
  const at::Tensor probabilities = at::softmax(at::linear(x, router_).to(at::kFloat), -1);
  at::Tensor weights, chosen;  // [tokens, experts_per_token]
  std::tie(weights, chosen) = at::topk(probabilities, experts_per_token_, -1);
  weights = weights.div(weights.sum(-1, /*keepdim=*/true)).to(x.scalar_type());

  // One copy to the host for all experts, instead of a synchronisation for each.
  const at::Tensor chosen_here = chosen.to(at::kCPU).contiguous();
  const int64_t* const expert_of = chosen_here.data_ptr<int64_t>();
  std::vector<std::vector<int64_t>> slots(router_.size(0));  // flat indices into `chosen`
  for (int64_t i = 0; i < chosen_here.numel(); ++i) slots[expert_of[i]].push_back(i);

  const int64_t inner = down_.size(1);
  const at::Tensor flat_weights = weights.reshape({-1, 1});
  at::Tensor out = at::zeros_like(x);
  for (size_t e = 0; e < slots.size(); ++e) {
    if (slots[e].empty()) continue;
    const at::Tensor slot = at::tensor(slots[e]).to(x.device());
    const at::Tensor rows = at::floor_divide(slot, experts_per_token_);
    const auto expert = static_cast<int64_t>(e);
    const at::Tensor both = at::matmul(x.index_select(0, rows), gate_up_.select(0, expert));
    const at::Tensor mixed = at::silu(both.narrow(1, 0, inner)).mul_(both.narrow(1, inner, inner));
    const at::Tensor y = at::matmul(mixed, down_.select(0, expert));
    out.index_add_(0, rows, y.mul(flat_weights.index_select(0, slot)));
  }
  return out;
}

}  // namespace sightline::model
