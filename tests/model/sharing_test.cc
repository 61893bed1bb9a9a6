// What the checkpoints of a bundle share.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "model/common_parts.h"
#include "model/load.h"
#include "model/qwen3vl_encoder.h"
#include "tests/model/checkpoint_copy.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::CopyCheckpoint;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::GoldenPicture;
using ::sightline::testing::IsOk;
using ::sightline::testing::PatchTensor;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kLayer[] = "model.language_model.layers.1.mlp.up_proj.weight";
constexpr char kTower[] = "model.visual.blocks.0.attn.qkv.weight";

LoadOptions Cpu(const std::string& dtype = "float32") {
  LoadOptions options;
  options.device = "cpu";
  options.dtype = dtype;
  options.threads = 1;
  return options;
}

// Two copies of one checkpoint, as encoder and reranker.
class SharingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TempDir::Create());
    for (const std::string& part : {First(), Second()}) CopyCheckpoint("tiny-reranker", part);
    ASSERT_THAT(WriteFileAtomic(folder_->path() + "/sightline.json",
                                R"({"encoder":"first","reranker":"second"})"),
                IsOk());
  }
  std::string First() const { return folder_->path() + "/first"; }
  std::string Second() const { return folder_->path() + "/second"; }

  static int64_t Bytes(const WeightAccount& account) {
    return account.mapped_bytes + account.copied_bytes;
  }

  // Bytes of a tensor as it is stored.
  int64_t Stored(const std::string& name) const {
    const auto file = SafetensorsFile::Open(First() + "/model.safetensors");
    return static_cast<int64_t>((*file)->Find(name)->bytes.size());
  }

  // A prompt of one picture, and what the second checkpoint has to do about it after the first has
  // embedded it.
  bool SecondKnowsThePicture(const std::string& first_tenant = "",
                             const std::string& second_tenant = "") const {
    CommonParts common;
    const auto first = Checkpoint::Open(First(), Cpu(), {}, &common);
    const auto second = Checkpoint::Open(Second(), Cpu(), {}, &common);
    EXPECT_THAT(first, IsOk());
    EXPECT_THAT(second, IsOk());
    EncodeInput input;
    input.images = {GoldenPicture("images/exact_96x64.png")};
    Qwen3VlEncoder encoder(*first);
    EXPECT_THAT(encoder.Encode({&input, 1}, 0, {.cancel = nullptr, .tenant = first_tenant}),
                IsOk());
    const auto prompt = (*second)->prompts().Embedding(input, 4096);
    EXPECT_THAT(prompt, IsOk());
    const auto sequence = (*second)->Prepare(*prompt, nullptr, second_tenant);
    EXPECT_THAT(sequence, IsOk());
    return sequence->visuals.front().features != nullptr;
  }

  std::unique_ptr<TempDir> folder_;
};

TEST_F(SharingTest, EqualTensorsAreHeldOnce) {
  ASSERT_OK_AND_ASSIGN(const LoadedModel model, Load(folder_->path(), Cpu()));
  const WeightAccount& encoder = model.accounts.at("encoder");
  const WeightAccount& total = model.accounts.at("total");
  EXPECT_GT(encoder.parameters, 100'000);
  EXPECT_GT(encoder.mapped_bytes, 0);
  EXPECT_EQ(encoder.copied_bytes, 0);
  EXPECT_EQ(Bytes(total), Bytes(encoder));
  EXPECT_EQ(total.parameters, encoder.parameters);
  EXPECT_EQ(encoder.shared_bytes.at("reranker"), Bytes(encoder));
  // 2 (key and value) x layers x kv heads x head_dim floats.
  EXPECT_GT(encoder.kv_token_bytes, 0);
  EXPECT_EQ(encoder.kv_token_bytes, model.accounts.at("reranker").kv_token_bytes);
}

TEST_F(SharingTest, ATensorThatDiffersInOneBitIsHeldTwiceAndTheOthersOnce) {
  PatchTensor(Second(), kLayer, 0, std::string(1, '\1'));
  ASSERT_OK_AND_ASSIGN(const LoadedModel model, Load(folder_->path(), Cpu()));
  const WeightAccount& encoder = model.accounts.at("encoder");
  EXPECT_EQ(Bytes(model.accounts.at("total")), Bytes(encoder) + Stored(kLayer));
  EXPECT_EQ(encoder.shared_bytes.at("reranker"), Bytes(encoder) - Stored(kLayer));
}

TEST_F(SharingTest, ConvertedTensorsAreSharedToo) {
  ASSERT_OK_AND_ASSIGN(const LoadedModel model, Load(folder_->path(), Cpu("bfloat16")));
  const WeightAccount& encoder = model.accounts.at("encoder");
  EXPECT_GT(encoder.copied_bytes, 0);
  EXPECT_EQ(Bytes(model.accounts.at("total")), Bytes(encoder));
}

TEST_F(SharingTest, PartsOfOneFolderShareAllOfIt) {
  ASSERT_THAT(WriteFileAtomic(folder_->path() + "/sightline.json",
                              R"({"encoder":"first","reranker":"first"})"),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const LoadedModel model, Load(folder_->path(), Cpu()));
  EXPECT_EQ(model.accounts.at("encoder").shared_bytes.at("reranker"),
            Bytes(model.accounts.at("total")));
}

TEST_F(SharingTest, AdaptersAndMergedWeightsAreCounted) {
  LoadOptions options = Cpu();
  ASSERT_OK_AND_ASSIGN(const LoadedModel bare, Load(GoldenPath("tiny-dense"), options));
  const WeightAccount& before = bare.accounts.at("total");
  options.adapters = {{"plain", GoldenPath("lora/plain")}};
  ASSERT_OK_AND_ASSIGN(const LoadedModel beside, Load(GoldenPath("tiny-dense"), options));
  // Rank 4 on seven layers less o_proj: 4 * (in + out) numbers each, in four layers.
  const int64_t numbers = 4 * 4 * ((64 + 128) + 2 * (64 + 64) + 2 * (64 + 160) + (160 + 64));
  EXPECT_EQ(beside.accounts.at("total").parameters, before.parameters + numbers);
  EXPECT_EQ(beside.accounts.at("total").copied_bytes, before.copied_bytes + 4 * numbers);
  options.adapters.clear();
  options.merged_adapters = {GoldenPath("lora/plain")};
  ASSERT_OK_AND_ASSIGN(const LoadedModel merged, Load(GoldenPath("tiny-dense"), options));
  EXPECT_EQ(Bytes(merged.accounts.at("total")), Bytes(before));
  EXPECT_EQ(merged.accounts.at("total").copied_bytes,
            4 * 4 * (64 * 128 + 2 * 64 * 64 + 3 * 64 * 160));
}

TEST_F(SharingTest, SharingChangesNoResult) {
  PatchTensor(Second(), kLayer, 3, std::string(1, '\x3e'));
  ASSERT_OK_AND_ASSIGN(const LoadedModel bundle, Load(folder_->path(), Cpu()));
  ASSERT_OK_AND_ASSIGN(const LoadedModel alone, Load(First(), Cpu()));
  EncodeInput input;
  input.texts = {"a red kite"};
  ASSERT_OK_AND_ASSIGN(const auto shared, bundle.encoder->Encode({&input, 1}, 0, {}));
  ASSERT_OK_AND_ASSIGN(const auto own, alone.encoder->Encode({&input, 1}, 0, {}));
  EXPECT_EQ(shared, own);
}

TEST_F(SharingTest, FeaturesOfAPictureServeTheOtherCheckpointWhereTheTowersAreEqual) {
  PatchTensor(Second(), kLayer, 0, std::string(1, '\1'));
  EXPECT_TRUE(SecondKnowsThePicture());
}

TEST_F(SharingTest, FeaturesOfOneTenantsPictureAreNeverAnothers) {
  EXPECT_TRUE(SecondKnowsThePicture("a", "a"));
  EXPECT_FALSE(SecondKnowsThePicture("a", "b"));
  EXPECT_FALSE(SecondKnowsThePicture("", "a"));
}

TEST_F(SharingTest, PicturesFeaturesAreCountedAndKeptUpToTheirBytes) {
  EncodeInput input;
  input.images = {GoldenPicture("images/exact_96x64.png")};
  for (const int64_t bytes : {int64_t{1} << 20, int64_t{0}}) {
    LoadOptions options = Cpu();
    options.vision_cache_bytes = bytes;
    ASSERT_OK_AND_ASSIGN(const LoadedModel model, Load(folder_->path(), options));
    for (int i = 0; i < 2; ++i) EXPECT_THAT(model.encoder->Encode({&input, 1}, 0, {}), IsOk());
    const CacheStats stats = model.vision_cache();
    EXPECT_EQ(stats.hits, bytes > 0 ? 1 : 0);
    EXPECT_EQ(stats.misses, bytes > 0 ? 1 : 2);
    EXPECT_EQ(stats.bytes > 0, bytes > 0);
  }
}

TEST_F(SharingTest, FeaturesAreNotSharedWhereTheTowersDiffer) {
  PatchTensor(Second(), kTower, 0, std::string(1, '\1'));
  EXPECT_FALSE(SecondKnowsThePicture());
}

TEST_F(SharingTest, FeaturesAreNotSharedWherePicturesAreNormalisedOtherwise) {
  const std::string path = Second() + "/preprocessor_config.json";
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(path));
  const size_t at = text.find("0.5", text.find("image_std"));
  ASSERT_NE(at, std::string::npos);
  ASSERT_THAT(WriteFileAtomic(path, text.replace(at, 3, "0.6")), IsOk());
  EXPECT_FALSE(SecondKnowsThePicture());
}

TEST_F(SharingTest, AMatrixWithAValueThatIsNotFiniteIsRefusedByName) {
  PatchTensor(Second(), kLayer, 128, std::string("\0\0\xc0\x7f", 4));
  EXPECT_THAT(Load(folder_->path(), Cpu()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(kLayer)));
}

}  // namespace
}  // namespace sightline::model
