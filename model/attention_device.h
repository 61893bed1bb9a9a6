#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/attention.h"
#include "model/kv_cache.h"

namespace sightline::model {

// How much of attention's work is held at once.
struct AttentionBlocks {
  int64_t scores = int64_t{1} << 26;  // between queries and keys
  int64_t keys = 8192;                // of each sequence, with their values, as float32
};

// Attention in the tensor library's own operations, for devices that we have no kernels for. Blocks
// of queries meet blocks of keys under an online softmax, all in float32: a 16-bit product rounds
// the scores before the softmax, which over the 900 tokens of a short video alone turns an
// embedding by 10 degrees (cosine 0.985 instead of 0.999). Tensors may be on any device.

// As PackedAttention in attention.h, but float32.
at::Tensor DevicePackedAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                 const std::vector<Segment>& segments, bool causal,
                                 const AttentionBlocks& blocks);

// The newest tokens of one sequence over all of it. The cache, kept in rows, has taken theirs but
// is not advanced yet. q: [new, heads, d]. Returns float32 [new, heads * d].
at::Tensor DeviceCachedAttention(const at::Tensor& q, const KvCache& cache, int64_t layer,
                                 const AttentionBlocks& blocks);

}  // namespace sightline::model
