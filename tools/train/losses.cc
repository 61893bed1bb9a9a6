#include "tools/train/losses.h"

#include <ATen/ATen.h>

#include <algorithm>
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
  // A row for each query and document that it wants, without the others that it wants.
  std::vector<int64_t> query_of, document_of;
  for (int64_t q = 0; q < queries; ++q) {
    for (const int document : wanted[q]) {
      query_of.push_back(q);
      document_of.push_back(document);
    }
  }
  const auto rows = static_cast<int64_t>(query_of.size());
  at::Tensor others = at::zeros({rows, documents});
  for (int64_t row = 0; row < rows; ++row) {
    for (const int document : wanted[query_of[row]]) {
      if (document == document_of[row]) continue;
      others[row][document] = -std::numeric_limits<float>::infinity();
    }
  }
  others = others.to(hidden.device());
  const at::Tensor target = at::tensor(document_of).to(hidden.device());
  const at::Tensor of_query = at::tensor(query_of).to(hidden.device());
  LossReport report;
  const int64_t width = states.size(1);
  int prefixes = 0;
  for (const int64_t dimension : {width, width / 2, width / 4}) {
    const at::Tensor prefix = states.narrow(1, 0, dimension);
    const at::Tensor unit = prefix.div(prefix.norm(2, 1, /*keepdim=*/true).clamp_min(1e-6));
    const at::Tensor cosines =
        at::matmul(unit.narrow(0, 0, queries), unit.narrow(0, queries, documents).t());
    const at::Tensor scores = cosines.index_select(0, of_query).div(kTemperature).add(others);
    const at::Tensor loss = at::cross_entropy_loss(scores, target);
    report.loss = report.loss.defined() ? report.loss.add(loss) : loss;
    ++prefixes;
    if (dimension != width) continue;
    const at::Tensor right = scores.detach().argmax(-1).eq(target).to(at::kCPU);
    report.each.assign(queries, true);
    for (int64_t row = 0; row < rows; ++row) {
      if (!right.data_ptr<bool>()[row]) report.each[query_of[row]] = false;
    }
    report.right = static_cast<double>(std::count(report.each.begin(), report.each.end(), true));
    report.counted = static_cast<double>(queries);
  }
  report.loss = report.loss.div(prefixes);
  return report;
}

LossReport YesNoLoss(const model::Network& network, const Batch& batch, const at::Tensor& hidden,
                     const std::vector<int64_t>& last_tokens, const std::vector<float>& wanted,
                     const std::vector<int>& queries, int32_t yes, int32_t no) {
  const at::Tensor states = LastStates(network, batch, hidden, last_tokens);
  const at::Tensor logits = network.text.Logits(states).to(at::kFloat);
  const at::Tensor score = logits.select(1, yes).sub(logits.select(1, no));
  const at::Tensor target = at::tensor(wanted).to(hidden.device());
  LossReport report;
  report.loss = at::binary_cross_entropy_with_logits(score, target);
  const at::Tensor on_cpu = score.detach().to(at::kCPU);
  const float* const scores = on_cpu.data_ptr<float>();

  // A row for each wanted document: its place, then those of its query that are unwanted; what is
  // left of the row points nowhere.
  const int64_t width = queries.empty() ? 1 : *std::max_element(queries.begin(), queries.end());
  std::vector<int64_t> places;
  std::vector<float> nowhere;
  int64_t begin = 0;
  for (const int count : queries) {
    bool in_order = true;
    for (int64_t i = begin; i < begin + count; ++i) {
      report.right += (scores[i] > 0) == (wanted[i] > 0.5f) ? 1 : 0;
      if (wanted[i] < 0.5f) continue;
      const size_t row = places.size();
      places.push_back(i);
      for (int64_t j = begin; j < begin + count; ++j) {
        if (wanted[j] > 0.5f) continue;
        places.push_back(j);
        in_order = in_order && scores[i] > scores[j];
      }
      nowhere.resize(places.size(), 0);
      places.resize(row + width, 0);
      nowhere.resize(row + width, -std::numeric_limits<float>::infinity());
    }
    report.each.push_back(in_order);
    begin += count;
  }
  report.counted = static_cast<double>(wanted.size());
  if (places.empty()) return report;
  const auto rows = static_cast<int64_t>(places.size()) / width;
  const at::Tensor choices = score.index_select(0, at::tensor(places).to(hidden.device()))
                                 .view({rows, width})
                                 .add(at::tensor(nowhere).view({rows, width}).to(hidden.device()));
  report.loss = report.loss.add(at::cross_entropy_loss(
      choices, at::zeros({rows}, at::TensorOptions(at::kLong).device(hidden.device()))));
  return report;
}

at::Tensor Balanced(const at::Tensor& loss, double balance) {
  return balance > 0 ? loss.div(loss.detach().add(balance)) : loss;
}

}  // namespace sightline::train
