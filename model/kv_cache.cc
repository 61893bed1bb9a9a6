#include "model/kv_cache.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace sightline::model {
namespace {

// A tensor of [kv_heads, capacity, d] that starts with the `used` tokens of `old`.
at::Tensor Grown(const at::Tensor& old, const at::Tensor& like, int64_t used, int64_t capacity) {
  at::Tensor out = at::empty({like.size(1), capacity, like.size(2)}, like.options());
  if (used > 0) out.narrow(1, 0, used).copy_(old.narrow(1, 0, used));
  return out;
}

}  // namespace

KvCache::KvCache(int64_t layers, int64_t expected_tokens)
    : expected_tokens_(expected_tokens), layers_(layers) {}

KvCache::View KvCache::Append(int64_t layer, const at::Tensor& keys, const at::Tensor& values) {
  Layer& held = layers_[layer];
  const int64_t added = keys.size(0);
  const int64_t total = tokens_ + added;
  const int64_t capacity = held.keys.defined() ? held.keys.size(1) : 0;
  if (total > capacity) {
    const int64_t wanted = std::max({total, expected_tokens_, 2 * capacity});
    held.keys = Grown(held.keys, keys, tokens_, wanted);
    held.values = Grown(held.values, values, tokens_, wanted);
  }
  held.keys.narrow(1, tokens_, added).copy_(keys.transpose(0, 1));
  held.values.narrow(1, tokens_, added).copy_(values.transpose(0, 1));
  return {held.keys.narrow(1, 0, total), held.values.narrow(1, 0, total)};
}

}  // namespace sightline::model
