#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "model/attention.h"

namespace sightline::model {

// PackedAttention through which gradients flow, in q's type. In the CUDA build it is the tensor
// library's flash attention: on a GPU in bfloat16 or float16, and on the CPU. Elsewhere it is made
// of tensor operations alone, with memory that may grow with the square of a sequence's length.
// Neighbouring sequences of equal length are computed together, so a batch to train on is best cut
// to one length.
at::Tensor TrainingAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const std::vector<Segment>& segments, bool causal);

}  // namespace sightline::model
