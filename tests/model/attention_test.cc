#include "model/attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

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

TEST(AttentionTest, NewTokensSeeTheCacheAndThoseBeforeThem) {
  const Case c = Random(12, 4, 2, 8);
  const at::Tensor whole = PackedAttention(c.q, c.k, c.v, {{0, 12, 1}}, true);
  const at::Tensor newest = CachedAttention(c.q.narrow(0, 7, 5), c.k.transpose(0, 1).contiguous(),
                                            c.v.transpose(0, 1).contiguous());
  EXPECT_LT(Difference(newest, whole.narrow(0, 7, 5)), 1e-5);
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
