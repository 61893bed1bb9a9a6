#include "model/attention_device.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace sightline::model {
namespace {

constexpr int64_t kLeastQueries = 16;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Keys and values [begin, end) of n sequences, each float32 [n * kv, end - begin, d].
using ReadKeys = std::function<KvCache::Rows(int64_t begin, int64_t end)>;

// Queries of n sequences and what they have gathered from the keys met so far.
class OnlineSoftmax {
 public:
  // q: [n, kv, group, queries, d], of any float type.
  OnlineSoftmax(const at::Tensor& q, int64_t keys, bool causal, const AttentionBlocks& blocks)
      : n_(q.size(0)),
        kv_(q.size(1)),
        group_(q.size(2)),
        queries_(q.size(3)),
        d_(q.size(4)),
        past_(keys - queries_),
        causal_(causal),
        blocks_(blocks),
        q_(q.to(at::kFloat).mul(1.0 / std::sqrt(static_cast<double>(d_)))) {
    const at::TensorOptions options = q_.options();
    highest_ = at::full({n_ * kv_, group_, queries_, 1}, kMinusInfinity, options);
    sum_ = at::zeros({n_ * kv_, group_, queries_, 1}, options);
    mixed_ = at::zeros({n_ * kv_, group_, queries_, d_}, options);
  }

  // Keys from `begin` on.
  void Meet(int64_t begin, const KvCache::Rows& block) {
    const int64_t keys = block.keys.size(1);
    const int64_t step = std::max(kLeastQueries, blocks_.scores / (n_ * kv_ * group_ * keys));
    for (int64_t query = 0; query < queries_; query += step) {
      const int64_t count = std::min(step, queries_ - query);
      const int64_t ahead = past_ + query - begin;  // the block's key that is query's own
      const int64_t seen = causal_ ? std::min(keys, ahead + count) : keys;
      if (seen > 0) MeetQueries(query, count, ahead, seen, block);
    }
  }

  // [n, queries, kv * group * d]
  at::Tensor Result() const {
    return mixed_.div(sum_)
        .view({n_, kv_, group_, queries_, d_})
        .permute({0, 3, 1, 2, 4})
        .reshape({n_, queries_, kv_ * group_ * d_});
  }

 private:
  void MeetQueries(int64_t query, int64_t count, int64_t ahead, int64_t seen,
                   const KvCache::Rows& block) {
    const at::Tensor rows = q_.narrow(3, query, count).reshape({n_ * kv_, group_ * count, d_});
    at::Tensor scores = at::bmm(rows, block.keys.narrow(1, 0, seen).transpose(1, 2))
                            .view({n_ * kv_, group_, count, seen});
    if (causal_ && ahead + 1 < seen) {  // the first query does not see them all
      scores.add_(at::full({count, seen}, kMinusInfinity, scores.options()).triu_(ahead + 1));
    }
    at::Tensor highest = highest_.narrow(2, query, count);
    at::Tensor sum = sum_.narrow(2, query, count);
    at::Tensor mixed = mixed_.narrow(2, query, count);
    const at::Tensor higher = at::maximum(highest, scores.amax(-1, /*keepdim=*/true));
    const at::Tensor scale = highest.sub(higher).exp_();
    const at::Tensor weights = scores.sub_(higher).exp_();
    sum.mul_(scale).add_(weights.sum(-1, /*keepdim=*/true));
    mixed.mul_(scale).add_(
        at::bmm(weights.view({n_ * kv_, group_ * count, seen}), block.values.narrow(1, 0, seen))
            .view({n_ * kv_, group_, count, d_}));
    highest.copy_(higher);
  }

  const int64_t n_, kv_, group_, queries_, d_;
  const int64_t past_;  // keys before the first query's own
  const bool causal_;
  const AttentionBlocks blocks_;
  const at::Tensor q_;
  at::Tensor highest_, sum_, mixed_;
};

at::Tensor Attend(const at::Tensor& q, int64_t keys, bool causal, const AttentionBlocks& blocks,
                  const ReadKeys& read) {
  OnlineSoftmax softmax(q, keys, causal, blocks);
  for (int64_t begin = 0; begin < keys; begin += blocks.keys) {
    softmax.Meet(begin, read(begin, std::min(keys, begin + blocks.keys)));
  }
  return softmax.Result();
}

}  // namespace

at::Tensor DevicePackedAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                 const std::vector<Segment>& segments, bool causal,
                                 const AttentionBlocks& blocks) {
  const int64_t heads = q.size(1), kv = k.size(1), d = q.size(2);
  std::vector<at::Tensor> parts;
  for (const Segment& s : segments) {
    const int64_t tokens = s.count * s.length;
    const auto rows = [&](const at::Tensor& x, int64_t begin, int64_t end) {
      return x.narrow(0, s.offset, tokens)
          .reshape({s.count, s.length, kv, d})
          .narrow(1, begin, end - begin)
          .permute({0, 2, 1, 3})
          .reshape({s.count * kv, end - begin, d})
          .to(at::kFloat);
    };
    const at::Tensor queries = q.narrow(0, s.offset, tokens)
                                   .reshape({s.count, s.length, kv, heads / kv, d})
                                   .permute({0, 2, 3, 1, 4});
    parts.push_back(
        Attend(queries, s.length, causal, blocks, [&](int64_t begin, int64_t end) -> KvCache::Rows {
          return {rows(k, begin, end), rows(v, begin, end)};
        }).reshape({tokens, heads * d}));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, 0);
}

at::Tensor DeviceCachedAttention(const at::Tensor& q, const KvCache& cache, int64_t layer,
                                 const AttentionBlocks& blocks) {
  const int64_t count = q.size(0), heads = q.size(1), d = q.size(2);
  const int64_t kv = cache.layout().kv_heads;
  const at::Tensor queries = q.reshape({1, count, kv, heads / kv, d}).permute({0, 2, 3, 1, 4});
  return Attend(queries, cache.tokens() + count, /*causal=*/true, blocks,
                [&](int64_t begin, int64_t end) { return cache.CopyRows(layer, begin, end); })
      .view({count, heads * d});
}

}  // namespace sightline::model
