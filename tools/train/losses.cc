#include "tools/train/losses.h"

#include <ATen/ATen.h>

#include <limits>

namespace sightline::train {
namespace {

// The final norm of each prompt's last token, [prompts, hidden].
at::Tensor LastStates(const model::Network& network, const Batch& batch, const at::Tensor& hidden,
                      const std::vector<int64_t>& last_tokens) {
  std::vector<int64_t> rows;
  for (size_t p = 0; p < last_tokens.size(); ++p) {
    rows.push_back(batch.offsets[p] + last_tokens[p]);
  }
  return network.text.FinalNorm(hidden.index_select(0, at::tensor(rows).to(hidden.device())));
}

}  // namespace

LossReport NextTokenLoss(const model::Network& network, const Batch& batch,
                         const at::Tensor& hidden,
                         const std::vector<std::vector<int32_t>>& targets) {
  std::vector<int64_t> rows, wanted;
  std::vector<size_t> prompt_of;
  for (size_t p = 0; p < targets.size(); ++p) {
    for (size_t i = 0; i < targets[p].size(); ++i) {
      if (targets[p][i] < 0) continue;
      rows.push_back(batch.offsets[p] + static_cast<int64_t>(i));
      wanted.push_back(targets[p][i]);
      prompt_of.push_back(p);
    }
  }
  const at::Tensor normed =
      network.text.FinalNorm(hidden.index_select(0, at::tensor(rows).to(hidden.device())));
  const at::Tensor logits = network.text.Logits(normed).to(at::kFloat);
  const at::Tensor target = at::tensor(wanted).to(hidden.device());
  LossReport report;
  report.loss = at::cross_entropy_loss(logits, target);
  const at::Tensor right = logits.detach().argmax(-1).eq(target).to(at::kCPU);
  report.each.assign(targets.size(), true);
  report.counted = static_cast<double>(wanted.size());
  const bool* const good = right.data_ptr<bool>();
  for (size_t i = 0; i < wanted.size(); ++i) {
    report.right += good[i] ? 1 : 0;
    if (!good[i]) report.each[prompt_of[i]] = false;
  }
  return report;
}

LossReport ContrastiveLoss(const model::Network& network, const Batch& batch,
                           const at::Tensor& hidden, const std::vector<int64_t>& last_tokens,
                           const std::vector<std::vector<int>>& wanted) {
  const at::Tensor states = LastStates(network, batch, hidden, last_tokens).to(at::kFloat);
  const auto queries = static_cast<int64_t>(wanted.size());
  const int64_t documents = states.size(0) - queries;
  std::vector<int64_t> first;
  at::Tensor others = at::zeros({queries, documents});
  for (int64_t q = 0; q < queries; ++q) {
    first.push_back(wanted[q].front());
    for (size_t i = 1; i < wanted[q].size(); ++i) {
      others[q][wanted[q][i]] = -std::numeric_limits<float>::infinity();
    }
  }
  others = others.to(hidden.device());
  const at::Tensor target = at::tensor(first).to(hidden.device());
  LossReport report;
  const int64_t width = states.size(1);
  int prefixes = 0;
  for (const int64_t dimension : {width, width / 2, width / 4}) {
    const at::Tensor prefix = states.narrow(1, 0, dimension);
    const at::Tensor unit = prefix.div(prefix.norm(2, 1, /*keepdim=*/true).clamp_min(1e-6));
    const at::Tensor cosines =
        at::matmul(unit.narrow(0, 0, queries), unit.narrow(0, queries, documents).t());
    const at::Tensor scores = cosines.div(kTemperature).add(others);
    const at::Tensor loss = at::cross_entropy_loss(scores, target);
    report.loss = report.loss.defined() ? report.loss.add(loss) : loss;
    ++prefixes;
    if (dimension != width) continue;
    const at::Tensor right = scores.detach().argmax(-1).eq(target).to(at::kCPU);
    for (int64_t q = 0; q < queries; ++q) {
      report.each.push_back(right.data_ptr<bool>()[q]);
      report.right += report.each.back() ? 1 : 0;
    }
    report.counted = static_cast<double>(queries);
  }
  report.loss = report.loss.div(prefixes);
  return report;
}

LossReport YesNoLoss(const model::Network& network, const Batch& batch, const at::Tensor& hidden,
                     const std::vector<int64_t>& last_tokens, const std::vector<float>& wanted,
                     int32_t yes, int32_t no) {
  const at::Tensor states = LastStates(network, batch, hidden, last_tokens);
  const at::Tensor logits = network.text.Logits(states).to(at::kFloat);
  const at::Tensor score = logits.select(1, yes).sub(logits.select(1, no));
  const at::Tensor target = at::tensor(wanted).to(hidden.device());
  LossReport report;
  report.loss = at::binary_cross_entropy_with_logits(score, target);
  const at::Tensor right = score.detach().gt(0).eq(target.gt(0.5)).to(at::kCPU);
  for (size_t i = 0; i < wanted.size(); ++i) {
    report.each.push_back(right.data_ptr<bool>()[i]);
    report.right += report.each.back() ? 1 : 0;
  }
  report.counted = static_cast<double>(wanted.size());
  return report;
}

}  // namespace sightline::train
