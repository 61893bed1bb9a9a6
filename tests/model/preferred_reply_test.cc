#include "model/preferred_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace sightline::model {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

// Forbids token 3, and ends behind {1, 1}.
class Inner final : public TokenConstraint {
 public:
  int64_t MinTokens() const override { return 2; }
  void Apply(std::span<const int32_t>, int64_t, std::span<float> logits) override {
    logits[3] = kForbidden;
  }
  bool Complete(std::span<const int32_t> generated) override {
    return generated.size() == 2 && generated[0] == 1 && generated[1] == 1;
  }
};

std::unique_ptr<TokenConstraint> Preferring(std::vector<int32_t> reply, double above) {
  return PreferReply(std::make_unique<Inner>(), std::move(reply), above);
}

// The logits of four tokens with these shares once token 3 is out.
std::vector<float> Logits(double a, double b, double c) {
  return {static_cast<float>(std::log(a)), static_cast<float>(std::log(b)),
          static_cast<float>(std::log(c)), 9};
}

// The tokens that are left.
std::vector<int32_t> Left(TokenConstraint& constraint, const std::vector<int32_t>& generated,
                          std::vector<float> logits, int64_t left = 10) {
  constraint.Apply(generated, left, logits);
  std::vector<int32_t> out;
  for (int32_t i = 0; i < static_cast<int32_t>(logits.size()); ++i) {
    if (logits[i] != kForbidden) out.push_back(i);
  }
  return out;
}

using ::testing::ElementsAre;

TEST(PreferredReplyTest, IsTakenWhereItsShareIsHighEnough) {
  const auto taken = Preferring({2, 0}, 0.25);
  EXPECT_THAT(Left(*taken, {}, Logits(0.5, 0.2, 0.3)), ElementsAre(2));
  // 0.3 times 0.9.
  EXPECT_THAT(Left(*taken, {2}, Logits(0.9, 0.05, 0.05)), ElementsAre(0));
  EXPECT_TRUE(taken->Complete(std::vector<int32_t>{2, 0}));
  const auto left = Preferring({2, 0}, 0.35);
  EXPECT_THAT(Left(*left, {}, Logits(0.5, 0.2, 0.3)), ElementsAre(0, 1, 2));
}

TEST(PreferredReplyTest, TheShareIsOfTheWholeReplySoFar) {
  const auto constraint = Preferring({2, 0}, 0.25);
  EXPECT_THAT(Left(*constraint, {}, Logits(0.5, 0.2, 0.3)), ElementsAre(2));
  // 0.3 times 0.8.
  EXPECT_THAT(Left(*constraint, {2}, Logits(0.8, 0.1, 0.1)), ElementsAre(0, 1, 2));
}

TEST(PreferredReplyTest, AnotherTextIsFree) {
  const auto constraint = Preferring({2, 0}, 0.25);
  EXPECT_THAT(Left(*constraint, {}, Logits(0.9, 0.05, 0.05)), ElementsAre(0, 1, 2));
  EXPECT_THAT(Left(*constraint, {0}, Logits(0.9, 0.05, 0.05)), ElementsAre(0, 1, 2));
  EXPECT_FALSE(constraint->Complete(std::vector<int32_t>{0, 0}));
}

TEST(PreferredReplyTest, IsNotBegunWhereItDoesNotFit) {
  const auto constraint = Preferring({2, 0}, 0.25);
  EXPECT_THAT(Left(*constraint, {}, Logits(0.1, 0.1, 0.8), 1), ElementsAre(0, 1, 2));
}

TEST(PreferredReplyTest, WhatTheInnerConstraintSaysStands) {
  const auto constraint = Preferring({2, 0}, 0.25);
  EXPECT_EQ(constraint->MinTokens(), 2);
  EXPECT_TRUE(constraint->Complete(std::vector<int32_t>{1, 1}));
  // A reply that the inner constraint forbids has no share.
  const auto forbidden = Preferring({3}, 0.01);
  EXPECT_THAT(Left(*forbidden, {}, Logits(0.5, 0.2, 0.3)), ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace sightline::model
