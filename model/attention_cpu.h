#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/kv_cache.h"

namespace sightline::model {

// Neighbouring queries that share their keys: those of one sequence.
struct AttentionJob {
  int64_t first_query = 0;  // row of q
  int64_t queries = 0;
  int64_t keys = 0;
  // Where the keys are: in a layer of a cache, or in rows of k and v from `first_key` on.
  const KvCache* cache = nullptr;
  int64_t layer = 0;
  int64_t first_key = 0;
  // The last query sees all keys, each earlier one a key less; otherwise all see all.
  bool causal = false;
};

// Softmax attention of every job on the CPU, scores scaled by d^-0.5. q: [tokens, heads, d]; k, v:
// [tokens, kv_heads, d], undefined when all keys are in caches; caches in panels. All of q's rows
// belong to a job. Keys are met in blocks of kKeyBlock from the sequence's start, so what a query
// gets does not depend, to the bit, on what else is in the batch or on how a prompt was cut; only a
// single query over a long cache is cut in parts when threads would be idle. Besides the result,
// memory grows with neither queries nor keys. Returns float32 [tokens, heads * d].
at::Tensor CpuAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        int64_t kv_heads, const std::vector<AttentionJob>& jobs);

}  // namespace sightline::model
