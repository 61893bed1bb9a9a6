#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/kv_cache.h"

namespace sightline::model {

// `count` neighbouring sequences of `length` tokens each, the first starting at token `offset`.
struct Segment {
  int64_t offset = 0;
  int64_t length = 0;
  int64_t count = 1;
};

// Softmax attention inside each sequence of a packed batch; no token sees another sequence.
// q: [tokens, heads, d]; k, v: [tokens, kv_heads, d], kv_heads divides heads and each serves
// heads / kv_heads consecutive query heads. `segments` cover the tokens in order without gaps.
// causal: a token sees itself and those before it. All in float32, scores scaled by d^-0.5 and made
// for a block of keys at a time, so memory grows with the tokens and not with their square; where q
// asks for a gradient as attention_training.h says.
// Returns [tokens, heads * d] of q's type.
at::Tensor PackedAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const std::vector<Segment>& segments, bool causal);

// Tokens of one sequence in a batch.
struct SequenceTokens {
  int64_t length = 0;
  KvCache* cache = nullptr;  // holds its earlier tokens and takes these; null: there are none and
                             // none will follow
};

// Causal attention of one decoder layer: each sequence over itself and, where it has one, its
// cache, which takes the new tokens (KvCache::Append). q, k, v as above, the sequences' tokens end
// to end. Where q asks for a gradient there are no caches. Returns [tokens, heads * d] of q's type.
at::Tensor CausalAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           int64_t layer, const std::vector<SequenceTokens>& sequences);

// Joins neighbouring sequences of equal length. lengths: tokens of each sequence, in order.
std::vector<Segment> GroupEqualLengths(const std::vector<int64_t>& lengths);

}  // namespace sightline::model
