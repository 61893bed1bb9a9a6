#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

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
// causal: a token sees itself and those before it. All in float32, scores scaled by d^-0.5 and
// made a block of queries at a time, so memory grows with the tokens and not with their square.
// Returns [tokens, heads * d].
at::Tensor PackedAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const std::vector<Segment>& segments, bool causal);

// Causal attention of the newest tokens of one sequence over all of it.
// q: [new, heads, d]; keys, values: [kv_heads, total, d], whose last `new` entries are the q
// tokens' own. Returns [new, heads * d].
at::Tensor CachedAttention(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values);

// Joins neighbouring sequences of equal length. lengths: tokens of each sequence, in order.
std::vector<Segment> GroupEqualLengths(const std::vector<int64_t>& lengths);

}  // namespace sightline::model
