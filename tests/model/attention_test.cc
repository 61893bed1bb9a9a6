#include "model/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "model/attention_device.h"

namespace sightline::model {
namespace {

// The textbook form of one sequence. q, k, v: [n, heads, d] with as many key heads as query heads.
at::Tensor Textbook(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
  const int64_t n = q.size(0), d = q.size(2);
  at::Tensor scores = at::einsum("ihd,jhd->hij", {q, k}) / std::sqrt(static_cast<double>(d));
  if (causal) {
    scores = scores.masked_fill(at::ones({n, n}).triu(1).to(at::kBool), -1e30);
  }
  return at::einsum("hij,jhd->ihd", {at::softmax(scores, -1), v}).reshape({n, -1});
}

struct Case {
  at::Tensor q, k, v;
};

Case Random(int64_t tokens, int64_t heads, int64_t kv_heads, int64_t d) {
  at::manual_seed(3);
  return {at::randn({tokens, heads, d}), at::randn({tokens, kv_heads, d}),
          at::randn({tokens, kv_heads, d})};
}

double Difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(AttentionTest, SequencesOfABatchDoNotSeeEachOther) {
  const Case c = Random(5 + 5 + 9, 4, 2, 8);
  const at::Tensor k = c.k.repeat_interleave(2, 1), v = c.v.repeat_interleave(2, 1);
  for (const bool causal : {false, true}) {
    const at::Tensor all = PackedAttention(c.q, c.k, c.v, GroupEqualLengths({5, 5, 9}), causal);
    int64_t offset = 0;
    for (const int64_t n : {5, 5, 9}) {
      const at::Tensor alone = Textbook(c.q.narrow(0, offset, n), k.narrow(0, offset, n),
                                        v.narrow(0, offset, n), causal);
      EXPECT_LT(Difference(all.narrow(0, offset, n), alone), 1e-5);
      offset += n;
    }
  }
}

TEST(AttentionTest, ALongSequenceIsDoneInBlocksWithTheSameResult) {
  const Case c = Random(1500, 2, 2, 8);  // 1500 x 1500 x 2 scores are several blocks
  for (const bool causal : {false, true}) {
    EXPECT_LT(Difference(PackedAttention(c.q, c.k, c.v, {{0, 1500, 1}}, causal),
                         Textbook(c.q, c.k, c.v, causal)),
              1e-5);
  }
}

KvLayout Layout(int64_t kv_heads, int64_t d, at::ScalarType type = at::kFloat, bool panels = true) {
  return {.layers = 1, .kv_heads = kv_heads, .head_dim = d, .type = type, .panels = panels};
}

// The sequence run in steps of the given lengths through one cache.
at::Tensor InSteps(const Case& c, const std::vector<int64_t>& lengths, KvCache& cache) {
  std::vector<at::Tensor> parts;
  int64_t offset = 0;
  for (const int64_t n : lengths) {
    parts.push_back(CausalAttention(c.q.narrow(0, offset, n), c.k.narrow(0, offset, n),
                                    c.v.narrow(0, offset, n), 0, {{n, &cache}}));
    cache.Advance(n);
    offset += n;
  }
  return at::cat(parts, 0);
}

TEST(AttentionTest, APromptCutAnywhereGivesWhatItGivesAtOnce) {
  const Case c = Random(600, 4, 2, 20);
  const at::Tensor k = c.k.repeat_interleave(2, 1), v = c.v.repeat_interleave(2, 1);
  const at::Tensor whole = CausalAttention(c.q, c.k, c.v, 0, {{600, nullptr}});
  EXPECT_LT(Difference(whole, Textbook(c.q, k, v, true)), 1e-5);
  for (const std::vector<int64_t>& steps :
       std::vector<std::vector<int64_t>>{{600},
                                         {255, 1, 1, 343},
                                         {256, 256, 88},
                                         {257, 255, 88},
                                         {1, 511, 1, 87},
                                         {100, 100, 100, 100, 100, 100}}) {
    KvCache cache(Layout(2, 20));
    EXPECT_TRUE(at::equal(InSteps(c, steps, cache), whole)) << steps.front();
  }
}

TEST(AttentionTest, SequencesWithAndWithoutCachesShareABatch) {
  const Case c = Random(300 + 7 + 1 + 40, 4, 2, 16);
  KvCache first(Layout(2, 16)), third(Layout(2, 16));
  const Case past = Random(256, 4, 2, 16);
  InSteps(past, {256}, third);
  const at::Tensor all =
      CausalAttention(c.q, c.k, c.v, 0, {{300, &first}, {7, nullptr}, {1, &third}, {40, nullptr}});

  const auto alone = [&](int64_t offset, int64_t n, KvCache* cache) {
    return CausalAttention(c.q.narrow(0, offset, n), c.k.narrow(0, offset, n),
                           c.v.narrow(0, offset, n), 0, {{n, cache}});
  };
  KvCache again(Layout(2, 16));
  InSteps(past, {256}, again);
  EXPECT_TRUE(at::equal(all.narrow(0, 0, 300), alone(0, 300, nullptr)));
  EXPECT_TRUE(at::equal(all.narrow(0, 300, 7), alone(300, 7, nullptr)));
  EXPECT_TRUE(at::equal(all.narrow(0, 307, 1), alone(307, 1, &again)));
  EXPECT_TRUE(at::equal(all.narrow(0, 308, 40), alone(308, 40, nullptr)));
}

TEST(AttentionTest, ASixteenBitCacheIsAsCloseAsItsNumbers) {
  Case c = Random(520, 4, 2, 32);
  KvCache cache(Layout(2, 32, at::kBFloat16));
  const at::Tensor got = InSteps(c, {300, 219, 1}, cache);
  c.k = c.k.to(at::kBFloat16).to(at::kFloat);
  c.v = c.v.to(at::kBFloat16).to(at::kFloat);
  EXPECT_LT(Difference(
                got, Textbook(c.q, c.k.repeat_interleave(2, 1), c.v.repeat_interleave(2, 1), true)),
            1e-5);
}

TEST(AttentionTest, OneQueryOverALongCacheIsSharedByTheThreads) {
  const int threads = at::get_num_threads();
  const Case c = Random(9001, 2, 1, 16);
  std::vector<at::Tensor> last;
  for (const int n : {1, 4}) {
    at::set_num_threads(n);
    KvCache cache(Layout(1, 16));
    last.push_back(InSteps(c, {9000, 1}, cache).narrow(0, 9000, 1));
  }
  at::set_num_threads(threads);
  EXPECT_FALSE(at::equal(last[0], last[1]));  // it was cut: the sums are rounded elsewhere
  EXPECT_LT(Difference(last[0], last[1]), 1e-6);
  const at::Tensor k = c.k.repeat_interleave(2, 1), v = c.v.repeat_interleave(2, 1);
  const at::Tensor scores = at::einsum("hd,jhd->hj", {c.q[9000], k}) / std::sqrt(16.0);
  const at::Tensor expected = at::einsum("hj,jhd->hd", {at::softmax(scores, -1), v});
  EXPECT_LT(Difference(last[1], expected.reshape({1, -1})), 1e-5);
}

TEST(AttentionTest, ThePathOfOtherDevicesGivesTheSame) {
  const Case c = Random(90, 4, 2, 16);
  const AttentionBlocks small = {.scores = 4 * 20 * 32, .keys = 32};
  const std::vector<Segment> segments = {{0, 20, 2}, {40, 50, 1}};
  for (const bool causal : {false, true}) {
    EXPECT_LT(Difference(DevicePackedAttention(c.q, c.k, c.v, segments, causal, small),
                         PackedAttention(c.q, c.k, c.v, segments, causal)),
              1e-5);
  }
  KvCache cache(Layout(2, 16, at::kFloat, /*panels=*/false));
  const at::Tensor whole = CausalAttention(c.q, c.k, c.v, 0, {{90, nullptr}});
  int64_t offset = 0;
  for (const int64_t n : {33, 31, 1, 25}) {
    cache.Append(0, c.k.narrow(0, offset, n), c.v.narrow(0, offset, n));
    const at::Tensor got = DeviceCachedAttention(c.q.narrow(0, offset, n), cache, 0, small);
    cache.Advance(n);
    EXPECT_LT(Difference(got, whole.narrow(0, offset, n)), 1e-5);
    offset += n;
  }
}

TEST(AttentionTest, NeighboursOfEqualLengthAreGrouped) {
  const std::vector<Segment> groups = GroupEqualLengths({4, 4, 3, 4});
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].count, 2);
  EXPECT_EQ(groups[1].offset, 8);
  EXPECT_EQ(groups[2].offset, 11);
}

}  // namespace
}  // namespace sightline::model
