#include "model/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// How often each token comes out of `draws` draws from fresh copies of `logits`.
std::map<int32_t, int> Histogram(const SamplerOptions& options, const std::vector<float>& logits,
                                 int draws) {
  std::map<int32_t, int> counts;
  for (int i = 0; i < draws; ++i) {
    Sampler sampler(options, i, {});
    std::vector<float> copy = logits;
    auto token = sampler.Next(std::span<float>(copy));
    EXPECT_THAT(token, IsOk());
    ++counts[*token];
  }
  return counts;
}

int32_t Greedy(SamplerOptions options, std::vector<int32_t> prompt, std::vector<int32_t> generated,
               std::vector<float> logits) {
  options.temperature = 0;
  Sampler sampler(options, 1, prompt);
  for (int32_t token : generated) sampler.Accept(token);
  return *sampler.Next(std::span<float>(logits));
}

TEST(SamplerTest, GreedyTakesTheFirstOfEquals) { EXPECT_EQ(Greedy({}, {}, {}, {1, 3, 3, 2}), 1); }

TEST(SamplerTest, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits) {
  SamplerOptions options;
  options.repetition_penalty = 2;
  EXPECT_EQ(Greedy(options, {0}, {}, {3, 2}), 1);         // 1.5 < 2
  EXPECT_EQ(Greedy(options, {0}, {}, {-1, -1.5f}), 1);    // -2 < -1.5
  EXPECT_EQ(Greedy(options, {}, {0}, {3, 2}), 1);         // generated ids count too
  EXPECT_EQ(Greedy(options, {0, 0, 0}, {0}, {5, 2}), 0);  // once, however often it was seen
  EXPECT_EQ(Greedy(options, {-4, 99}, {}, {3, 2}), 0);    // ids outside the vocabulary do no harm
}

TEST(SamplerTest, PresencePenaltyCountsGeneratedTokensOnly) {
  SamplerOptions options;
  options.presence_penalty = 1.5f;
  EXPECT_EQ(Greedy(options, {0}, {}, {3, 2}), 0);
  EXPECT_EQ(Greedy(options, {}, {0}, {3, 2}), 1);
}

TEST(SamplerTest, DrawsInProportion) {
  const auto counts = Histogram({}, {std::log(1.0f), std::log(3.0f), -kInfinity}, 4000);
  EXPECT_EQ(counts.count(2), 0u);
  EXPECT_NEAR(counts.at(1) / 4000.0, 0.75, 0.03);
}

TEST(SamplerTest, TemperatureSharpens) {
  SamplerOptions options;
  options.temperature = 0.5f;  // squares the ratio 3 : 1
  EXPECT_NEAR(Histogram(options, {std::log(1.0f), std::log(3.0f)}, 4000).at(1) / 4000.0, 0.9, 0.03);
}

TEST(SamplerTest, TopKKeepsTiesWithTheLast) {
  SamplerOptions options;
  options.top_k = 2;
  const auto counts = Histogram(options, {1, 2, 1, 0}, 1000);
  EXPECT_EQ(counts.size(), 3u);  // 2 is first; both of logit 1 tie for second
  EXPECT_EQ(counts.count(3), 0u);
}

TEST(SamplerTest, TopPDropsTheTailWhileItsMassIsAtMostTheRest) {
  SamplerOptions options;
  // Exact in binary: shares 1/2, 1/4, 1/8, 1/8.
  const std::vector<float> logits = {std::log(4.0f), std::log(2.0f), 0, 0};
  options.top_p = 0.8f;  // 1/8 may go, 1/4 may not
  EXPECT_EQ(Histogram(options, logits, 2000).size(), 3u);
  options.top_p = 0.45f;  // the last three hold 1/2 and may go together
  EXPECT_EQ(Histogram(options, logits, 500).size(), 1u);
  options.top_p = 1e-6f;
  EXPECT_EQ(Histogram(options, logits, 100).size(), 1u);
}

TEST(SamplerTest, EqualSeedsGiveEqualTokens) {
  for (int round = 0; round < 2; ++round) {
    Sampler a({}, 42, {});
    Sampler b({}, 42, {});
    for (int i = 0; i < 100; ++i) {
      std::vector<float> logits(50);
      for (size_t k = 0; k < logits.size(); ++k) logits[k] = std::sin(static_cast<float>(k * i));
      std::vector<float> copy = logits;
      EXPECT_EQ(*a.Next(std::span<float>(logits)), *b.Next(std::span<float>(copy)));
    }
  }
}

TEST(SamplerTest, RefusesLogitsThatAreNotFinite) {
  Sampler sampler({}, 1, {});
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity}) {
    std::vector<float> logits = {0, bad};
    EXPECT_THAT(sampler.Next(std::span<float>(logits)),
                StatusIs(absl::StatusCode::kInternal, HasSubstr("logit 1")));
  }
  std::vector<float> none = {-kInfinity, -kInfinity};
  EXPECT_THAT(sampler.Next(std::span<float>(none)), StatusIs(absl::StatusCode::kInternal));
}

TEST(SamplerTest, TinyTemperaturesStayInsideTheRange) {
  SamplerOptions options;
  options.temperature = 1e-38f;
  EXPECT_EQ(Histogram(options, {30, 29, -40}, 5).at(0), 5);
}

TEST(SamplerTest, RequestsOverrideTheCheckpoint) {
  GenerationConfig defaults;
  defaults.temperature = 0.7f;
  defaults.top_k = 20;
  SamplingParams params;
  params.temperature = 0.1f;
  auto options = ResolveSampling(params, defaults);
  ASSERT_THAT(options, IsOk());
  EXPECT_FLOAT_EQ(options->temperature, 0.1f);
  EXPECT_EQ(options->top_k, 20);
  defaults.do_sample = false;
  EXPECT_FLOAT_EQ(ResolveSampling({}, defaults)->temperature, 0);
}

TEST(SamplerTest, RefusesParametersOutOfRangeByName) {
  const auto refused = [](auto set) {
    SamplingParams params;
    set(params);
    return ResolveSampling(params, {});
  };
  const auto invalid = absl::StatusCode::kInvalidArgument;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float bad : {-1.0f, nan, kInfinity}) {
    EXPECT_THAT(refused([&](SamplingParams& p) { p.temperature = bad; }),
                StatusIs(invalid, HasSubstr("temperature")));
  }
  for (const float bad : {0.0f, 1.1f, nan}) {
    EXPECT_THAT(refused([&](SamplingParams& p) { p.top_p = bad; }),
                StatusIs(invalid, HasSubstr("top_p")));
  }
  EXPECT_THAT(refused([](SamplingParams& p) { p.top_k = -1; }),
              StatusIs(invalid, HasSubstr("top_k")));
  EXPECT_THAT(refused([](SamplingParams& p) { p.repetition_penalty = 0; }),
              StatusIs(invalid, HasSubstr("repetition_penalty")));
  EXPECT_THAT(refused([&](SamplingParams& p) { p.presence_penalty = nan; }),
              StatusIs(invalid, HasSubstr("presence_penalty")));
}

}  // namespace
}  // namespace sightline::model
