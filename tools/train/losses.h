#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/network.h"
#include "tools/train/batch.h"

namespace sightline::train {

// What a batch cost, and how much of it was right.
struct LossReport {
  at::Tensor loss;         // scalar, to go back from
  double right = 0;        // tokens, queries or pairs that were right
  double counted = 0;      // of so many
  std::vector<bool> each;  // which prompts, queries or pairs were right as a whole
};

// Cross entropy of next tokens. `targets[p]`: for each token of prompt p the token to follow, or -1
// where it does not count. A prompt is right when the likeliest token is right everywhere: greedy
// decoding would then write the same.
LossReport NextTokenLoss(const model::Network& network, const Batch& batch,
                         const at::Tensor& hidden,
                         const std::vector<std::vector<int32_t>>& targets);

// InfoNCE between the unit vectors of queries and of documents, summed over Matryoshka prefixes
// (Kusupati et al., "Matryoshka Representation Learning", 2022). Prompts 0 to queries - 1 of the
// batch are queries, the others documents; `wanted[q]`: the documents that answer query q, counted
// from 0, at least one; the others of them do not count against it.
LossReport ContrastiveLoss(const model::Network& network, const Batch& batch,
                           const at::Tensor& hidden, const std::vector<int64_t>& last_tokens,
                           const std::vector<std::vector<int>>& wanted);
inline constexpr double kTemperature = 0.05;

// Of the reranker's score, the logit of "yes" less that of "no": the mean binary cross entropy, and
// the cross entropy of choosing each wanted document from it and the unwanted ones of its query
// (`queries`: how many prompts of the batch each query has, in their order). A query is right when
// every wanted document is above every unwanted one.
LossReport YesNoLoss(const model::Network& network, const Batch& batch, const at::Tensor& hidden,
                     const std::vector<int64_t>& last_tokens, const std::vector<float>& wanted,
                     const std::vector<int>& queries, int32_t yes, int32_t no);

// L / (L + balance) of a loss L, the denominator held fast, so that the gradient is that of L over
// it; L itself where `balance` is 0.
at::Tensor Balanced(const at::Tensor& loss, double balance);

}  // namespace sightline::train
