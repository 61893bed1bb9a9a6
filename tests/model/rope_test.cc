#include "model/rope.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using nlohmann::json;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

// tiny-dense's configuration with other fields of its rope_scaling and other numbers in
// text_config.
json With(const json& rope, const json& text) {
  json config = GoldenJson("tiny-dense/config.json");
  config["text_config"]["rope_scaling"].update(rope);
  config["text_config"].update(text);
  return config;
}

TextConfig Text(const json& rope, const json& text) {
  auto config = ParseModelConfig(With(rope, text).dump());
  EXPECT_THAT(config, IsOk());
  return config.ok() ? config->text : TextConfig();
}

const json kPublished = {
    {"head_dim", 128}, {"rope_theta", 5e6}, {"max_position_embeddings", 1000000}};
const json kThreefold = {{"rope_type", "yarn"},
                         {"factor", 3.0},
                         {"original_max_position_embeddings", 262144},
                         {"mrope_section", {24, 20, 20}}};

json Joined(json base, const json& more) {
  base.update(more);
  return base;
}

void ExpectFrequencies(const TextConfig& config,
                       const std::vector<std::pair<size_t, double>>& expected) {
  const std::vector<float> frequency = TextFrequencies(config);
  ASSERT_EQ(frequency.size(), static_cast<size_t>(config.head_dim / 2));
  for (const auto& [i, value] : expected) EXPECT_NEAR(frequency[i] / value, 1, 1e-6) << i;
}

// Numbers of transformers 4.57.1, Qwen3VLTextRotaryEmbedding, torch 2.11.
TEST(RopeTest, YarnGivesTheReferencesFrequenciesAndMagnitude) {
  const TextConfig threefold = Text(kThreefold, kPublished);
  ExpectFrequencies(threefold, {{0, 1},
                                {16, 0.0211474262},
                                {32, 0.000391311914},
                                {40, 3.52270145e-05},
                                {48, 3.15247212e-06},
                                {63, 8.48359889e-08}});
  EXPECT_NEAR(threefold.yarn->attention_factor, 1.10986123, 1e-7);
  EXPECT_EQ(threefold.max_position_embeddings, 1000000);

  const TextConfig twofold = Text(
      Joined(kThreefold, {{"factor", 2}, {"truncate", false}, {"beta_fast", 16}, {"beta_slow", 2}}),
      kPublished);
  ExpectFrequencies(twofold, {{0, 1},
                              {16, 0.0211474262},
                              {32, 0.000447213621},
                              {40, 3.72871873e-05},
                              {48, 4.72870806e-06},
                              {63, 1.27253983e-07}});
  EXPECT_NEAR(twofold.yarn->attention_factor, 1.06931472, 1e-7);

  const TextConfig weighed = Text({{"rope_type", "yarn"},
                                   {"factor", 4.0},
                                   {"original_max_position_embeddings", 2048},
                                   {"mscale", 0.8},
                                   {"mscale_all_dim", 1.2}},
                                  {{"rope_theta", 1e4}, {"max_position_embeddings", 8192}});
  ExpectFrequencies(weighed, {{0, 1},
                              {4, 0.100000001},
                              {8, 0.00571428565},
                              {10, 0.00112938497},
                              {12, 0.000250000012},
                              {15, 4.44569851e-05}});
  EXPECT_NEAR(weighed.yarn->attention_factor, 0.95245722, 1e-7);

  const TextConfig given = Text(Joined(kThreefold, {{"attention_factor", 1.25}}), kPublished);
  EXPECT_EQ(given.yarn->attention_factor, 1.25);
}

TEST(RopeTest, YarnLengthensCosAndSinAtPositionsFarOut) {
  const TextRope rope(Text(kThreefold, kPublished), at::kCPU);
  // Time 700 000, row 7, column 9; the numbers are the reference's.
  const at::Tensor positions = at::tensor(std::vector<int64_t>{700000, 7, 9}).view({3, 1});
  const Rotary rotary = rope.Angles(positions, at::kFloat);
  EXPECT_NEAR(rotary.cos[0][0].item<float>(), -1.07527733, 1e-5);
  EXPECT_NEAR(rotary.cos[0][1].item<float>(), 0.787159264, 1e-5);
  EXPECT_NEAR(rotary.cos[0][2].item<float>(), 0.830416501, 1e-5);
  EXPECT_NEAR(rotary.cos[0][63].item<float>(), 1.10790479, 1e-5);
  const double squares =
      std::pow(rotary.cos[0][20].item<float>(), 2) + std::pow(rotary.sin[0][20].item<float>(), 2);
  EXPECT_NEAR(squares, 1.10986123 * 1.10986123, 1e-5);
}

TEST(RopeTest, BothSpellingsAndTheLengthThatIsLeftOutMeanTheSame) {
  const TextConfig old_form = Text(kThreefold, kPublished);
  json config = With(json::object(), kPublished);
  config["text_config"].erase("rope_scaling");
  config["text_config"].erase("rope_theta");
  config["text_config"]["rope_parameters"] =
      Joined(kThreefold, {{"rope_theta", 5e6}, {"mrope_interleaved", true}});
  auto new_form = ParseModelConfig(config.dump());
  ASSERT_THAT(new_form, IsOk());
  EXPECT_EQ(TextFrequencies(new_form->text), TextFrequencies(old_form));

  json with_type = kThreefold;  // as files of before 2024 call it
  with_type.erase("rope_type");
  with_type["type"] = "yarn";
  json without = With(with_type, kPublished);
  without["text_config"]["rope_scaling"].erase("rope_type");
  auto oldest = ParseModelConfig(without.dump());
  ASSERT_THAT(oldest, IsOk());
  EXPECT_EQ(TextFrequencies(oldest->text), TextFrequencies(old_form));

  // Trained length from max_position_embeddings; factor from the two lengths.
  json no_length = kThreefold;
  no_length.erase("original_max_position_embeddings");
  EXPECT_EQ(Text(no_length, kPublished).yarn->original_max_position_embeddings, 1000000);
  json no_factor = kThreefold;
  no_factor.erase("factor");
  EXPECT_DOUBLE_EQ(Text(no_factor, kPublished).yarn->factor, 1000000.0 / 262144);
}

TEST(RopeTest, WithoutYarnRotationIsAsItWasTrained) {
  const TextConfig plain = Text(json::object(), json::object());
  EXPECT_FALSE(plain.yarn.has_value());
  EXPECT_FLOAT_EQ(TextFrequencies(plain)[8], static_cast<float>(std::pow(5e6, -0.5)));
}

TEST(RopeTest, RefusesWhatItCannotDoAndNamesTheField) {
  constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
  const auto refusal = [&](const json& rope) {
    return ParseModelConfig(With(Joined(kThreefold, rope), kPublished).dump()).status();
  };
  for (const char* type : {"dynamic", "linear", "longrope", "llama3", "YARN"}) {
    EXPECT_THAT(
        refusal({{"rope_type", type}}),
        StatusIs(kRefused,
                 HasSubstr(std::string("text_config.rope_scaling.rope_type is \"") + type + "\"")));
  }
  json factorless = kThreefold;
  factorless.erase("factor");
  factorless.erase("original_max_position_embeddings");
  EXPECT_THAT(ParseModelConfig(With(factorless, kPublished).dump()).status(),
              StatusIs(kRefused, HasSubstr("rope_scaling.factor is missing")));
  EXPECT_THAT(refusal({{"factor", 0.5}}), StatusIs(kRefused, HasSubstr("rope_scaling.factor")));
  EXPECT_THAT(refusal({{"factor", "3"}}), StatusIs(kRefused, HasSubstr("rope_scaling.factor")));
  EXPECT_THAT(refusal({{"original_max_position_embeddings", 0}}),
              StatusIs(kRefused, HasSubstr("original_max_position_embeddings")));
  EXPECT_THAT(refusal({{"beta_fast", 1}, {"beta_slow", 2}}),
              StatusIs(kRefused, HasSubstr("beta_fast")));
  EXPECT_THAT(refusal({{"attention_factor", 0}}),
              StatusIs(kRefused, HasSubstr("attention_factor")));
  EXPECT_THAT(refusal({{"truncate", 1}}), StatusIs(kRefused, HasSubstr("truncate")));
  EXPECT_THAT(refusal({{"partial_rotary_factor", 0.25}}),
              StatusIs(kRefused, HasSubstr("partial_rotary_factor")));
}

}  // namespace
}  // namespace sightline::model
