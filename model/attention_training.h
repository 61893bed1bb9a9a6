#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "model/attention.h"

namespace sightline::model {

// PackedAttention through which gradients flow: of tensor operations alone, in q's type, with
// memory that may grow with the square of a sequence's length. Neighbouring sequences of equal
// length are computed together, so a batch to train on is best cut to one length.
at::Tensor TrainingAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const std::vector<Segment>& segments, bool causal);

}  // namespace sightline::model
