#include "model/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using nlohmann::json;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

json Dense() { return GoldenJson("tiny-dense/config.json"); }

TEST(ModelConfigTest, ReadsACheckpointFolder) {
  auto config = LoadCheckpointConfig(GoldenPath("tiny-dense"));
  ASSERT_THAT(config, IsOk());
  const TextConfig& text = config->model.text;
  EXPECT_EQ(config->model.architecture, "Qwen3VLForConditionalGeneration");
  EXPECT_EQ(config->model.dtype, "float32");
  EXPECT_FALSE(config->model.tie_word_embeddings);
  EXPECT_EQ(config->model.image_token_id, 448);
  EXPECT_EQ(text.hidden_size, 64);
  EXPECT_EQ(text.head_dim, 32);
  EXPECT_EQ(text.num_kv_heads, 2);
  EXPECT_THAT(text.mrope_section, ElementsAre(6, 5, 5));
  EXPECT_DOUBLE_EQ(text.rope_theta, 5e6);
  EXPECT_EQ(text.max_position_embeddings, 4096);
  EXPECT_EQ(config->model.vision.patch_floats(), 1536);
  EXPECT_THAT(config->model.vision.deepstack_indexes, ElementsAre(1, 2));
  EXPECT_THAT(config->generation.eos_token_ids, ElementsAre(438, 436));
  EXPECT_FLOAT_EQ(config->generation.top_p, 0.8f);
  EXPECT_EQ(config->image.max_pixels, 40960);
  EXPECT_EQ(config->video.min_pixels, 8192);
  EXPECT_EQ(config->video.max_frames, 768);
}

TEST(ModelConfigTest, AcceptsTheNewerRopeForm) {
  json changed = Dense();
  changed["text_config"].erase("rope_theta");
  changed["text_config"].erase("rope_scaling");
  changed["text_config"]["rope_parameters"] = {
      {"rope_theta", 10000.0}, {"mrope_section", {4, 3, 3}}, {"rope_type", "default"}};
  auto config = ParseModelConfig(changed.dump());
  ASSERT_THAT(config, IsOk());
  EXPECT_DOUBLE_EQ(config->text.rope_theta, 10000);
  EXPECT_THAT(config->text.mrope_section, ElementsAre(4, 3, 3));
  changed["text_config"]["rope_parameters"]["rope_type"] = "dynamic";
  EXPECT_THAT(ParseModelConfig(changed.dump()), StatusIs(kRefused, HasSubstr("rope_type")));
}

TEST(ModelConfigTest, TheTopLevelDecidesTiesAndDtype) {
  json changed = Dense();
  changed["tie_word_embeddings"] = true;
  changed["torch_dtype"] = "bfloat16";
  auto config = ParseModelConfig(changed.dump());
  ASSERT_THAT(config, IsOk());
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_EQ(config->dtype, "bfloat16");
  changed.erase("tie_word_embeddings");
  changed["text_config"]["tie_word_embeddings"] = true;
  EXPECT_TRUE(ParseModelConfig(changed.dump())->tie_word_embeddings);
  changed["text_config"].erase("tie_word_embeddings");
  EXPECT_FALSE(ParseModelConfig(changed.dump())->tie_word_embeddings);
}

TEST(ModelConfigTest, ReadsExpertsAndQuantization) {
  json changed = Dense();
  changed["model_type"] = "qwen3_vl_moe";
  changed["text_config"].update({{"num_experts", 8},
                                 {"num_experts_per_tok", 2},
                                 {"moe_intermediate_size", 32},
                                 {"decoder_sparse_step", 2},
                                 {"mlp_only_layers", {3}}});
  changed["quantization_config"] = {{"quant_method", "awq"}, {"bits", 4}};
  auto config = ParseModelConfig(changed.dump());
  ASSERT_THAT(config, IsOk());
  EXPECT_FALSE(config->text.IsMoeLayer(0));
  EXPECT_TRUE(config->text.IsMoeLayer(1));
  EXPECT_FALSE(config->text.IsMoeLayer(3));
  EXPECT_EQ(config->quantization.method, QuantizationMethod::kAwq);
  EXPECT_EQ(config->quantization.bits, 4);
}

TEST(ModelConfigTest, RefusesAbsurdOrInconsistentFieldsByName) {
  struct Case {
    const char* part;  // null = top level
    const char* field;
    json value;
  };
  const Case cases[] = {
      {"text_config", "num_hidden_layers", 1000000000},
      {"text_config", "num_hidden_layers", 0},
      {"text_config", "num_hidden_layers", "four"},
      {"text_config", "num_hidden_layers", nullptr},
      {"text_config", "hidden_size", -64},
      {"text_config", "hidden_size", 1e30},
      {"text_config", "hidden_size", 64.5},
      {"text_config", "vocab_size", uint64_t{1} << 63},
      {"text_config", "num_key_value_heads", 3},
      {"text_config", "head_dim", 31},
      {"text_config", "rms_norm_eps", -1},
      {"text_config", "hidden_act", "relu"},
      {"text_config", "num_experts_per_tok", 5000},
      {"vision_config", "num_heads", 5},
      {"vision_config", "num_position_embeddings", 63},
      {"vision_config", "deepstack_visual_indexes", {9}},
      {"vision_config", "deepstack_visual_indexes", 1},
      {"vision_config", "out_hidden_size", 65},
      {"vision_config", "in_channels", 4},
      {nullptr, "image_token_id", 512},
      {nullptr, "image_token_id", 449},
      {nullptr, "model_type", "llama"},
      {nullptr, "auto_map", {{"AutoModel", "evil.Model"}}},
      {nullptr, "tie_word_embeddings", "yes"},
  };
  for (const Case& one : cases) {
    json changed = Dense();
    (one.part == nullptr ? changed : changed[one.part])[one.field] = one.value;
    SCOPED_TRACE(std::string(one.field) + " = " + one.value.dump());
    // Of two ids that are equal the second is named.
    const char* named = std::string(one.field) == "deepstack_visual_indexes" ? "deepstack"
                        : std::string(one.field) == "num_heads"              ? "hidden_size"
                                                                             : one.field;
    EXPECT_THAT(ParseModelConfig(changed.dump()), StatusIs(kRefused, HasSubstr(named)));
  }
  for (const char* part : {"text_config", "vision_config"}) {
    json changed = Dense();
    changed.erase(part);
    EXPECT_THAT(ParseModelConfig(changed.dump()), StatusIs(kRefused, HasSubstr(part)));
    changed[part] = 7;
    EXPECT_THAT(ParseModelConfig(changed.dump()), StatusIs(kRefused, HasSubstr(part)));
  }
  EXPECT_THAT(ParseModelConfig("[]"), StatusIs(kRefused));
  EXPECT_THAT(ParseModelConfig("{"), StatusIs(kRefused));
}

TEST(ModelConfigTest, PixelLimitsOfTheOlderFormWin) {
  auto config = ParsePreprocessorConfig(
      R"({"size":{"shortest_edge":100,"longest_edge":200},"min_pixels":300,"max_pixels":400})");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->min_pixels, 300);
  EXPECT_EQ(config->max_pixels, 400);
  EXPECT_THAT(ParsePreprocessorConfig(R"({"min_pixels":500,"max_pixels":400})"),
              StatusIs(kRefused, HasSubstr("longest_edge")));
  EXPECT_THAT(ParsePreprocessorConfig(R"({"image_std":[0,0,0]})"),
              StatusIs(kRefused, HasSubstr("image_std")));
}

TEST(ModelConfigTest, SaysWhichFileIsMissingOrDisagrees) {
  auto folder = TempDir::Create();
  ASSERT_THAT(folder, IsOk());
  const std::string path = (*folder)->path();
  EXPECT_THAT(LoadCheckpointConfig(path),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("config.json")));
  ASSERT_THAT(WriteFileAtomic(path + "/config.json", Dense().dump()), IsOk());
  auto config = LoadCheckpointConfig(path);
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->generation.eos_token_ids, ElementsAre(438));
  ASSERT_THAT(WriteFileAtomic(path + "/preprocessor_config.json", R"({"patch_size":14})"), IsOk());
  EXPECT_THAT(LoadCheckpointConfig(path), StatusIs(kRefused, HasSubstr("patch_size is 14")));
}

}  // namespace
}  // namespace sightline::model
