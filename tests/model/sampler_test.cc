#include "model/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <utility>

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

TEST(SamplerTest, FrequencyPenaltyCountsHowOftenATokenWasGenerated) {
  SamplerOptions options;
  options.frequency_penalty = 0.6f;
  EXPECT_EQ(Greedy(options, {0, 0}, {}, {3, 2}), 0);  // the prompt does not count
  EXPECT_EQ(Greedy(options, {}, {0}, {3, 2}), 0);     // 2.4
  EXPECT_EQ(Greedy(options, {}, {0, 0}, {3, 2}), 1);  // 1.8
  options.presence_penalty = 0.5f;
  EXPECT_EQ(Greedy(options, {}, {0}, {3, 2}), 1);  // 3 - 0.6 - 0.5
}

TEST(SamplerTest, BiasIsAddedAndDoesNotForbid) {
  SamplerOptions options;
  options.logit_bias = {{0, -2}, {99, 5}, {2, -100}};
  EXPECT_EQ(Greedy(options, {}, {}, {3, 2, 1}), 1);
  options.logit_bias = {{0, -100}};
  EXPECT_EQ(Greedy(options, {}, {}, {3, -kInfinity}), 0);
}

TEST(SamplerTest, MinPDropsWhatIsLessLikelyThanItsPartOfTheLikeliest) {
  SamplerOptions options;
  const std::vector<float> logits = {std::log(4.0f), std::log(2.1f), std::log(1.9f), 0};
  options.min_p = 0.5f;
  EXPECT_EQ(Histogram(options, logits, 500).size(), 2u);
  options.temperature = 0.5f;  // squares the ratio: 2.1 falls below half of 4
  EXPECT_EQ(Histogram(options, logits, 500).size(), 1u);
  options.temperature = 1;
  options.min_p = 1;  // the likeliest stays
  EXPECT_EQ(Histogram(options, logits, 100).size(), 1u);
}

TEST(SamplerTest, TopPCountsWhatMinPAndTopKLeft) {
  SamplerOptions options;
  // Shares 1/2, 1/4, 1/8, 1/8 of all, 2/3 and 1/3 of the two that top_k leaves.
  const std::vector<float> logits = {std::log(4.0f), std::log(2.0f), 0, 0};
  options.top_p = 0.6f;
  EXPECT_EQ(Histogram(options, logits, 1000).size(), 2u);  // 1/4 may go, 1/4 + 1/4 may not
  options.top_k = 2;
  EXPECT_EQ(Histogram(options, logits, 1000).size(), 1u);  // 1/3 may go
  options.top_k = 0;
  options.min_p = 0.4f;
  EXPECT_EQ(Histogram(options, logits, 1000).size(), 1u);
}

// The rules taken at their word, with a full sort.
std::vector<int32_t> SlowCandidates(const SamplerOptions& options, std::span<const float> logits) {
  std::vector<int32_t> order;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != -kInfinity) order.push_back(static_cast<int32_t>(i));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  const auto share = [&](int32_t id) {
    return std::exp((static_cast<double>(logits[id]) - logits[order[0]]) / options.temperature);
  };
  while (share(order.back()) < options.min_p) order.pop_back();
  if (options.top_k > 0 && static_cast<size_t>(options.top_k) < order.size()) {
    const float kth = logits[order[options.top_k - 1]];
    while (logits[order.back()] < kth) order.pop_back();
  }
  double sum = 0;
  for (const int32_t id : order) sum += share(id);
  double spare = (1 - static_cast<double>(options.top_p)) * sum;
  while (order.size() > 1 && share(order.back()) <= spare) {
    spare -= share(order.back());
    order.pop_back();
  }
  std::sort(order.begin(), order.end());
  return order;
}

TEST(SamplerTest, DrawsFromWhatTheRulesLeaveInLargeVocabularies) {
  std::mt19937_64 random(5);
  std::normal_distribution<float> noise(0, 2);
  std::vector<float> logits(3000);
  for (int round = 0; round < 60; ++round) {
    for (float& logit : logits) logit = noise(random);
    // Ties, among them at the cut.
    for (int i = 0; i < 1500; ++i) logits[random() % 3000] = std::round(logits[random() % 3000]);
    SamplerOptions options;
    options.temperature = 0.3f + 0.1f * static_cast<float>(round % 9);
    options.top_p = round % 3 == 0 ? 1.0f : 0.02f + 0.016f * static_cast<float>(round);
    options.top_k = std::array<int, 4>{0, 1, 40, 1000}[round % 4];
    options.min_p = round % 5 == 0 ? 0.02f : 0.0f;
    const std::vector<int32_t> expected = SlowCandidates(options, logits);
    std::set<int32_t> drawn;
    for (int i = 0; i < 300; ++i) {
      Sampler sampler(options, i, {});
      std::vector<float> copy = logits;
      drawn.insert(*sampler.Next(std::span<float>(copy)));
    }
    EXPECT_TRUE(std::includes(expected.begin(), expected.end(), drawn.begin(), drawn.end()))
        << round;
    if (expected.size() <= 3) {
      EXPECT_EQ(drawn.size(), expected.size()) << round;
    }
  }
}

TEST(SamplerTest, LogprobsAreOfTheDistributionBeforeTemperature) {
  SamplerOptions options;
  options.logprobs = 2;
  options.temperature = 0.1f;
  options.top_k = 1;
  options.logit_bias = {{1, std::log(2.0f)}};
  Sampler sampler(options, 1, {});
  // With the bias the shares are 1/8, 4/8, 3/8.
  std::vector<float> logits = {0, std::log(2.0f), std::log(3.0f), -kInfinity};
  EXPECT_EQ(*sampler.Next(std::span<float>(logits)), 1);
  EXPECT_NEAR(sampler.chosen().logprob, std::log(0.5), 1e-6);
  ASSERT_EQ(sampler.top().size(), 2u);
  EXPECT_EQ(sampler.top()[0].token, 1);
  EXPECT_EQ(sampler.top()[1].token, 2);
  EXPECT_NEAR(sampler.top()[1].logprob, std::log(0.375), 1e-6);
}

TEST(SamplerTest, LogprobsLeaveOutForbiddenTokensAndPutTheLowerIdFirst) {
  SamplerOptions options;
  options.logprobs = 5;
  options.temperature = 0;
  Sampler sampler(options, 1, {});
  std::vector<float> logits = {1, -kInfinity, 1, 2};
  EXPECT_EQ(*sampler.Next(std::span<float>(logits)), 3);
  ASSERT_EQ(sampler.top().size(), 3u);
  EXPECT_EQ(sampler.top()[0].token, 3);
  EXPECT_EQ(sampler.top()[1].token, 0);
  EXPECT_EQ(sampler.top()[2].token, 2);
}

TEST(SamplerTest, ChoicesHaveSeedsOfTheirOwn) {
  std::set<uint64_t> seeds;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_EQ(ChoiceSeed(seed, 0), seed);
    for (int i = 0; i < 16; ++i) seeds.insert(ChoiceSeed(seed, i));
  }
  EXPECT_EQ(seeds.size(), 50u * 16u);
  EXPECT_EQ(ChoiceSeed(7, 3), ChoiceSeed(7, 3));
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
  EXPECT_THAT(refused([&](SamplingParams& p) { p.frequency_penalty = kInfinity; }),
              StatusIs(invalid, HasSubstr("frequency_penalty")));
  for (const float bad : {-0.1f, 1.1f, nan}) {
    EXPECT_THAT(refused([&](SamplingParams& p) { p.min_p = bad; }),
                StatusIs(invalid, HasSubstr("min_p")));
  }
  for (const auto& bad : std::vector<std::pair<int32_t, float>>{{3, 101}, {3, nan}, {-1, 1}}) {
    EXPECT_THAT(refused([&](SamplingParams& p) { p.logit_bias = {bad}; }),
                StatusIs(invalid, HasSubstr("logit_bias")));
  }
  EXPECT_THAT(refused([](SamplingParams& p) { p.logit_bias = {{3, 1}, {3, 2}}; }),
              StatusIs(invalid, HasSubstr("twice")));
  EXPECT_THAT(refused([](SamplingParams& p) {
                for (int32_t i = 0; i < 1025; ++i) p.logit_bias.emplace_back(i, 1.0f);
              }),
              StatusIs(invalid, HasSubstr("logit_bias")));
  EXPECT_THAT(refused([](SamplingParams& p) { p.stop_token_ids.resize(1025); }),
              StatusIs(invalid, HasSubstr("stop_token_ids")));
  for (const int bad : {-1, 21}) {
    EXPECT_THAT(refused([&](SamplingParams& p) { p.logprobs = bad; }),
                StatusIs(invalid, HasSubstr("logprobs")));
  }
}

}  // namespace
}  // namespace sightline::model
