#include "model/attention_training.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sightline::model {
namespace {

// q, k, v: [n, heads, length, d]. Returns the same shape.
at::Tensor Attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
#ifdef SIGHTLINE_CUDA  // which means a torch that has it
  if (q.is_cpu()) return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
#endif
  const int64_t length = q.size(2);
  at::Tensor scores =
      at::matmul(q.mul(1.0 / std::sqrt(static_cast<double>(q.size(3)))), k.transpose(2, 3));
  if (causal) {
    scores = scores.add(
        at::full({length, length}, -std::numeric_limits<float>::infinity(), q.options()).triu(1));
  }
  return at::matmul(at::softmax(scores, -1), v);
}

#ifdef SIGHTLINE_CUDA
bool HasFlash(const at::Tensor& q) {
  return q.is_cuda() && (q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf) &&
         q.size(2) % 8 == 0 && q.size(2) <= 256;
}

at::Tensor FlashAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<Segment>& segments, bool causal) {
  std::vector<int32_t> ends = {0};
  int64_t longest = 0;
  for (const Segment& s : segments) {
    longest = std::max(longest, s.length);
    for (int64_t i = 0; i < s.count; ++i) {
      ends.push_back(ends.back() + static_cast<int32_t>(s.length));
    }
  }
  const at::Tensor bounds = at::tensor(ends).to(q.device());
  const at::Tensor mixed = std::get<0>(
      at::_flash_attention_forward(q, k, v, bounds, bounds, longest, longest, /*dropout_p=*/0.0,
                                   causal, /*return_debug_mask=*/false));
  return mixed.reshape({q.size(0), q.size(1) * q.size(2)});
}
#endif

}  // namespace

at::Tensor TrainingAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                             const std::vector<Segment>& segments, bool causal) {
#ifdef SIGHTLINE_CUDA
  if (HasFlash(q)) return FlashAttention(q, k, v, segments, causal);
#endif
  const int64_t heads = q.size(1), kv = k.size(1), d = q.size(2);
  std::vector<int64_t> tokens;
  for (const Segment& s : segments) tokens.push_back(s.length * s.count);
  // Taken apart at once: the gradient of a slice is as large as the whole.
  const std::vector<at::Tensor> all_q = q.split_with_sizes(tokens);
  const std::vector<at::Tensor> all_k = k.split_with_sizes(tokens);
  const std::vector<at::Tensor> all_v = v.split_with_sizes(tokens);
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    const auto shaped = [&](const at::Tensor& x) {  // [n, own heads, length, d]
      return x.view({s.count, s.length, -1, d}).transpose(1, 2);
    };
    const auto spread = [&](const at::Tensor& x) {  // each key head to the queries it serves
      if (kv == heads) return shaped(x);
      return shaped(x)
          .unsqueeze(2)
          .expand({s.count, kv, heads / kv, s.length, d})
          .reshape({s.count, heads, s.length, d});
    };
    parts.push_back(Attend(shaped(all_q[i]), spread(all_k[i]), spread(all_v[i]), causal)
                        .transpose(1, 2)
                        .reshape({tokens[i], heads * d}));
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, 0);
}

}  // namespace sightline::model
