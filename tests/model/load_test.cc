#include "model/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "tests/model/checkpoint_copy.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::CopyCheckpoint;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

LoadOptions Cpu() {
  LoadOptions options;
  options.device = "cpu";
  options.threads = 1;
  return options;
}

TEST(LoadTest, APlainChatCheckpointIsEncoderAndGenerator) {
  ASSERT_OK_AND_ASSIGN(const LoadedModel model, Load(GoldenPath("tiny-dense"), Cpu()));
  ASSERT_NE(model.encoder, nullptr);
  ASSERT_NE(model.generator, nullptr);
  EXPECT_EQ(model.reranker, nullptr);
  const ModelInfo& info = model.encoder->info();
  EXPECT_EQ(info.name, "tiny-dense");
  EXPECT_EQ(info.architecture, "Qwen3VLForConditionalGeneration");
  EXPECT_EQ(info.device, "cpu");
  EXPECT_EQ(info.dtype, "float32");
  EXPECT_EQ(info.context, 4096);
  EXPECT_GT(info.parameters, 100'000);
  EXPECT_FALSE(info.untrained);
}

TEST(LoadTest, ARerankerCheckpointIsOnlyThat) {
  ASSERT_OK_AND_ASSIGN(const LoadedModel model, Load(GoldenPath("tiny-reranker"), Cpu()));
  EXPECT_NE(model.reranker, nullptr);
  EXPECT_EQ(model.encoder, nullptr);
  EXPECT_EQ(model.generator, nullptr);
}

TEST(LoadTest, ABundleHasWhatItNamesAndSaysIfItIsUntrained) {
  ASSERT_OK_AND_ASSIGN(const auto bundle, TempDir::Create());
  CopyCheckpoint("tiny-dense", bundle->path() + "/part");
  ASSERT_THAT(WriteFileAtomic(bundle->path() + "/sightline.json",
                              R"({"encoder": "part", "untrained": true})"),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const LoadedModel model, Load(bundle->path(), Cpu()));
  ASSERT_NE(model.encoder, nullptr);
  EXPECT_EQ(model.reranker, nullptr);
  EXPECT_EQ(model.generator, nullptr);
  EXPECT_TRUE(model.encoder->info().untrained);
}

TEST(LoadTest, TheModelThatIsShippedEmbedsTextAndPictures) {
  ASSERT_OK_AND_ASSIGN(const LoadedModel model, Load(GoldenPath("../../models/demo"), Cpu()));
  ASSERT_NE(model.encoder, nullptr);
  auto page =
      std::make_shared<Image>(Image{1280, 960, 3, std::vector<uint8_t>(1280 * 960 * 3, 200)});
  EncodeInput input;
  input.images = {page};
  input.texts = {"a page, \xe4\xb8\x80\xe9\xa1\xb5"};
  ASSERT_OK_AND_ASSIGN(const auto found, model.encoder->Encode({&input, 1}, 0, {}));
  EXPECT_EQ(static_cast<int>(found.front().size()), model.encoder->dimension());
}

TEST(LoadTest, SaysWhatIsMissing) {
  EXPECT_THAT(Load("/nowhere", Cpu()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere")));
  ASSERT_OK_AND_ASSIGN(const auto empty, TempDir::Create());
  EXPECT_THAT(Load(empty->path(), Cpu()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("config.json")));
  LoadOptions options = Cpu();
  options.dtype = "int3";
  EXPECT_THAT(Load(GoldenPath("tiny-dense"), options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("int3")));
}

TEST(LoadTest, RefusesATruncatedWeightFile) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TempDir::Create());
  std::filesystem::copy(GoldenPath("tiny-embedding"), folder->path(),
                        std::filesystem::copy_options::recursive);
  std::filesystem::resize_file(folder->path() + "/model.safetensors", 2'000'000);
  EXPECT_THAT(Load(folder->path(), Cpu()), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(LoadTest, RefusesAConfigThatAsksForMoreThanTheWeightsHold) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TempDir::Create());
  std::filesystem::copy(GoldenPath("tiny-embedding"), folder->path(),
                        std::filesystem::copy_options::recursive);
  const std::string path = folder->path() + "/config.json";
  ASSERT_OK_AND_ASSIGN(std::string config, ReadFile(path));
  const std::string layers = "\"num_hidden_layers\": 3";
  ASSERT_NE(config.find(layers), std::string::npos);
  config.replace(config.find(layers), layers.size(), "\"num_hidden_layers\": 9");
  ASSERT_THAT(WriteFileAtomic(path, config), IsOk());
  EXPECT_THAT(Load(folder->path(), Cpu()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("layers.3")));
}

}  // namespace
}  // namespace sightline::model
