#include "model/attention.h"

#include <ATen/ATen.h>

#include "model/attention_cpu.h"
#include "model/attention_device.h"
#include "model/attention_training.h"

namespace sightline::model {
namespace {

std::vector<AttentionJob> PackedJobs(const std::vector<Segment>& segments, bool causal) {
  std::vector<AttentionJob> jobs;
  for (const Segment& s : segments) {
    for (int64_t i = 0; i < s.count; ++i) {
      const int64_t offset = s.offset + i * s.length;
      jobs.push_back({.first_query = offset,
                      .queries = s.length,
                      .keys = s.length,
                      .first_key = offset,
                      .causal = causal});
    }
  }
  return jobs;
}

at::Tensor CausalOnCpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t layer,
                       const std::vector<SequenceTokens>& sequences) {
  std::vector<AttentionJob> jobs;
  int64_t offset = 0;
  for (const SequenceTokens& s : sequences) {
    const int64_t past = s.cache == nullptr ? 0 : s.cache->tokens();
    jobs.push_back({.first_query = offset,
                    .queries = s.length,
                    .keys = past + s.length,
                    .cache = s.cache,
                    .layer = layer,
                    .first_key = offset,
                    .causal = true});
    offset += s.length;
  }
  return CpuAttention(q, k, v, k.size(1), jobs);
}

at::Tensor CausalOnDevice(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          int64_t layer, const std::vector<SequenceTokens>& sequences) {
  std::vector<at::Tensor> parts;
  int64_t offset = 0;
  for (size_t i = 0; i < sequences.size();) {
    if (sequences[i].cache != nullptr) {
      const int64_t length = sequences[i].length;
      parts.push_back(
          DeviceCachedAttention(q.narrow(0, offset, length), *sequences[i].cache, layer, {}));
      offset += length;
      ++i;
      continue;
    }
    std::vector<int64_t> lengths;
    int64_t tokens = 0;
    for (; i < sequences.size() && sequences[i].cache == nullptr; ++i) {
      lengths.push_back(sequences[i].length);
      tokens += sequences[i].length;
    }
    parts.push_back(DevicePackedAttention(q.narrow(0, offset, tokens), k.narrow(0, offset, tokens),
                                          v.narrow(0, offset, tokens), GroupEqualLengths(lengths),
                                          /*causal=*/true, {}));
    offset += tokens;
  }
  return parts.size() == 1 ? parts.front() : at::cat(parts, 0);
}

}  // namespace

at::Tensor PackedAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const std::vector<Segment>& segments, bool causal) {
  if (q.requires_grad()) return TrainingAttention(q, k, v, segments, causal);
  const at::Tensor out = q.is_cpu() ? CpuAttention(q, k, v, k.size(1), PackedJobs(segments, causal))
                                    : DevicePackedAttention(q, k, v, segments, causal, {});
  return out.to(q.scalar_type());
}

at::Tensor CausalAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           int64_t layer, const std::vector<SequenceTokens>& sequences) {
  if (q.requires_grad()) {
    std::vector<int64_t> lengths;
    for (const SequenceTokens& s : sequences) lengths.push_back(s.length);
    return TrainingAttention(q, k, v, GroupEqualLengths(lengths), /*causal=*/true);
  }
  int64_t offset = 0;
  for (const SequenceTokens& s : sequences) {
    if (s.cache != nullptr) {
      s.cache->Append(layer, k.narrow(0, offset, s.length), v.narrow(0, offset, s.length));
    }
    offset += s.length;
  }
  const at::Tensor out = q.is_cpu() ? CausalOnCpu(q, k, v, layer, sequences)
                                    : CausalOnDevice(q, k, v, layer, sequences);
  return out.to(q.scalar_type());
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
