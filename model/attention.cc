#include "model/attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sightline::model {
namespace {

// Scores held at once: small enough to stay near the caches of a CPU, large enough to fill a GPU.
constexpr int64_t kCpuScores = int64_t{1} << 20;
constexpr int64_t kGpuScores = int64_t{1} << 26;
constexpr int64_t kLeastQueries = 16;

int64_t QueriesPerBlock(const at::Tensor& q, int64_t keys) {
  const int64_t budget = q.is_cuda() ? kGpuScores : kCpuScores;
  const int64_t heads = q.size(0) * q.size(1) * q.size(2);
  return std::max(kLeastQueries, budget / std::max<int64_t>(1, heads * keys));
}

// Minus infinity above the diagonal, zero elsewhere. [n, n] float32
at::Tensor CausalMask(int64_t n, const at::TensorOptions& options) {
  return at::full({n, n}, -std::numeric_limits<float>::infinity(), options).triu_(1);
}

// All float32. q: [n, kv, group, queries, d]; k: [n * kv, keys, d]; v: [n * kv, keys, d].
// When causal, query i of the last axis stands at key keys - queries + i.
// Returns [n, queries, kv * group * d].
at::Tensor Attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
  const int64_t n = q.size(0), kv = q.size(1), group = q.size(2), queries = q.size(3),
                d = q.size(4);
  const int64_t keys = k.size(1);
  const int64_t past = keys - queries;
  const int64_t block = QueriesPerBlock(q, keys);
  const at::Tensor k_columns = k.transpose(1, 2);  // [n * kv, d, keys]
  std::vector<at::Tensor> parts;
  for (int64_t begin = 0; begin < queries; begin += block) {
    const int64_t count = std::min(block, queries - begin);
    const int64_t seen = causal ? past + begin + count : keys;
    const at::Tensor rows = q.narrow(3, begin, count).reshape({n * kv, group * count, d});
    at::Tensor scores = at::bmm(rows, k_columns.narrow(2, 0, seen));
    scores.mul_(1.0 / std::sqrt(static_cast<double>(d)));
    if (causal && count > 1) {
      // Only the newest `count` keys can lie ahead of a query of this block.
      scores.view({n * kv, group, count, seen})
          .narrow(3, seen - count, count)
          .add_(CausalMask(count, scores.options()));
    }
    const at::Tensor mixed =
        at::bmm(at::softmax(scores, -1), v.narrow(1, 0, seen));  // [n * kv, group * count, d]
    parts.push_back(mixed.view({n, kv, group, count, d})
                        .permute({0, 3, 1, 2, 4})
                        .reshape({n, count, kv * group * d}));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, 1);
}

// A 16-bit product rounds the scores before the softmax: over the 900 tokens of a short video that
// alone turns an embedding by 10 degrees (cosine 0.985 instead of 0.999). So all of it is done in
// float32.
bool ComputeWide(const at::Tensor& q) { return q.scalar_type() != at::kFloat; }

}  // namespace

at::Tensor PackedAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const std::vector<Segment>& segments, bool causal) {
  if (ComputeWide(q)) {
    return PackedAttention(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), segments, causal)
        .to(q.scalar_type());
  }
  const int64_t heads = q.size(1), kv = k.size(1), d = q.size(2);
  std::vector<at::Tensor> parts;
  for (const Segment& s : segments) {
    const int64_t tokens = s.count * s.length;
    const auto key_rows = [&](const at::Tensor& x) {  // -> [count * kv, length, d]
      return x.narrow(0, s.offset, tokens)
          .view({s.count, s.length, kv, d})
          .permute({0, 2, 1, 3})
          .reshape({s.count * kv, s.length, d});
    };
    const at::Tensor queries = q.narrow(0, s.offset, tokens)
                                   .view({s.count, s.length, kv, heads / kv, d})
                                   .permute({0, 2, 3, 1, 4});
    parts.push_back(Attend(queries, key_rows(k), key_rows(v), causal).reshape({tokens, heads * d}));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, 0);
}

at::Tensor CachedAttention(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values) {
  if (ComputeWide(q)) {
    return CachedAttention(q.to(at::kFloat), keys.to(at::kFloat), values.to(at::kFloat))
        .to(q.scalar_type());
  }
  const int64_t count = q.size(0), heads = q.size(1), d = q.size(2), kv = keys.size(0);
  const at::Tensor queries = q.view({1, count, kv, heads / kv, d}).permute({0, 2, 3, 1, 4});
  return Attend(queries, keys, values, /*causal=*/true).view({count, heads * d});
}

std::vector<Segment> GroupEqualLengths(const std::vector<int64_t>& lengths) {
  std::vector<Segment> out;
  int64_t offset = 0;
  for (const int64_t length : lengths) {
    if (!out.empty() && out.back().length == length) {
      ++out.back().count;
    } else {
      out.push_back({offset, length, 1});
    }
    offset += length;
  }
  return out;
}

}  // namespace sightline::model
