#include "model/group_quantizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace sightline::model {
namespace {

at::Tensor Spread(const at::Tensor& groups, int64_t group) {
  return groups.to(at::kFloat).repeat_interleave(group, 1);
}

// What the numbers mean.
at::Tensor Meaning(const NarrowMatrix& narrow, const GroupRule& rule) {
  at::Tensor numbers = narrow.numbers.to(at::kFloat);
  if (narrow.zeros.defined()) {
    numbers = numbers.sub(Spread(narrow.zeros, rule.group));
  } else {
    numbers = numbers.sub(1 << (rule.bits - 1));
  }
  return numbers.mul(Spread(narrow.scales, rule.group));
}

// Weights as a trained layer has them, with a few far out.
at::Tensor Weights(int64_t out, int64_t in) {
  at::Tensor weight = at::empty({out, in}, at::kFloat);
  float* const data = weight.data_ptr<float>();
  uint64_t state = 7;
  for (int64_t i = 0; i < weight.numel(); ++i) {
    double sum = 0;
    for (int k = 0; k < 4; ++k) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<double>(state >> 40) / (1 << 24) - 0.5;
    }
    data[i] = static_cast<float>(0.02 * sum * (i % 97 == 0 ? 6 : 1));
  }
  return weight;
}

struct Case {
  int bits;
  bool symmetric;
  at::ScalarType scales;
};

class GroupQuantizerCase : public ::testing::TestWithParam<Case> {};

TEST_P(GroupQuantizerCase, EveryWeightIsWithinHalfAStepOrAtTheEndOfTheRange) {
  const Case& c = GetParam();
  const GroupRule rule = {c.bits, 32, c.symmetric};
  const at::Tensor weight = Weights(12, 128);
  const NarrowMatrix narrow = QuantizeMatrix(weight, rule, c.scales);
  ASSERT_EQ(narrow.numbers.sizes(), at::IntArrayRef({12, 128}));
  ASSERT_EQ(narrow.scales.sizes(), at::IntArrayRef({12, 4}));
  EXPECT_EQ(narrow.scales.scalar_type(), c.scales);
  EXPECT_TRUE(narrow.scales.gt(0).all().item<bool>());
  EXPECT_EQ(narrow.zeros.defined(), !c.symmetric);

  const at::Tensor error = weight.sub(Meaning(narrow, rule)).abs();
  const at::Tensor half_step = Spread(narrow.scales, rule.group).mul(0.5001).add(1e-9);
  const at::Tensor at_the_end =
      narrow.numbers.eq(0).logical_or(narrow.numbers.eq((1 << c.bits) - 1));
  EXPECT_TRUE(error.le(half_step).logical_or(at_the_end).all().item<bool>());

  const double squared = error.square().sum(at::kDouble).item<double>();
  EXPECT_NEAR(narrow.squared_error, squared, 1e-3 * squared);
  const double weights = weight.square().sum(at::kDouble).item<double>();
  EXPECT_NEAR(narrow.squared_weights, weights, 1e-6 * weights);
  EXPECT_LT(std::sqrt(squared / weights), c.bits == 8 ? 0.01 : 0.15);
}

INSTANTIATE_TEST_SUITE_P(Rules, GroupQuantizerCase,
                         ::testing::Values(Case{8, true, at::kFloat}, Case{8, false, at::kFloat},
                                           Case{4, true, at::kFloat}, Case{4, false, at::kFloat},
                                           Case{4, true, at::kBFloat16},
                                           Case{4, false, at::kHalf}));

// The scale that covers the largest value, without a search.
double ErrorWithoutSearch(const at::Tensor& weight, const GroupRule& rule) {
  const at::Tensor grouped = weight.view({-1, rule.group});
  const double most = (1 << rule.bits) - 1, middle = 1 << (rule.bits - 1);
  const at::Tensor scale = grouped.abs().amax(1, true).mul(2 / most);
  const at::Tensor numbers = at::round(grouped.div(scale)).clamp(-middle, most - middle);
  return grouped.sub(numbers.mul(scale)).square().sum(at::kDouble).item<double>();
}

TEST(GroupQuantizerTest, TheSearchBeatsCoveringTheLargestValue) {
  const GroupRule rule = {4, 64, true};
  const at::Tensor weight = Weights(16, 256);
  EXPECT_LT(QuantizeMatrix(weight, rule, at::kFloat).squared_error,
            0.95 * ErrorWithoutSearch(weight, rule));
}

TEST(GroupQuantizerTest, AZeroPointHelpsWhereAGroupIsOfOneSign) {
  const at::Tensor weight = Weights(8, 128).abs();
  const double symmetric = QuantizeMatrix(weight, {4, 64, true}, at::kFloat).squared_error;
  EXPECT_LT(QuantizeMatrix(weight, {4, 64, false}, at::kFloat).squared_error, 0.5 * symmetric);
}

TEST(GroupQuantizerTest, AGroupOfZerosStaysThat) {
  const at::Tensor weight = at::zeros({2, 64}, at::kFloat);
  for (const bool symmetric : {true, false}) {
    const GroupRule rule = {4, 32, symmetric};
    const NarrowMatrix narrow = QuantizeMatrix(weight, rule, at::kHalf);
    EXPECT_TRUE(Meaning(narrow, rule).eq(0).all().item<bool>());
    EXPECT_EQ(narrow.squared_error, 0);
  }
}

}  // namespace
}  // namespace sightline::model
