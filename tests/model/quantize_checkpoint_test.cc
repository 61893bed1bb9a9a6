#include "model/quantize_checkpoint.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "model/quantized_weights.h"
#include "model/text_loss.h"
#include "model/whole_run.h"
#include "nlohmann/json.hpp"
#include "tests/model/checkpoint_copy.h"
#include "tests/model/network_case.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::CopyCheckpoint;
using ::sightline::testing::Cosine;
using ::sightline::testing::Floats;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::IsOk;
using ::sightline::testing::JsonFile;
using ::sightline::testing::StatusIs;
using ::sightline::testing::StoredCase;
using ::sightline::testing::TinyCheckpoint;
using ::sightline::testing::TinyNetwork;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kText[] =
    "The mill stands by the river, and the river runs to the sea.\n"
    "A red kite circles over the hill; 1850, 1901 and 45 metres.\n"
    "\xe7\x99\xbd\xe5\xa2\x99\xe8\xbe\xb9\xe7\x9a\x84\xe8\x87\xaa\xe8\xa1\x8c\xe8\xbd\xa6\n";

absl::StatusOr<std::shared_ptr<Checkpoint>> Open(const std::string& folder) {
  LoadOptions options;
  options.device = "cpu";
  options.dtype = "float32";
  options.threads = 1;
  return Checkpoint::Open(folder, options, {});
}

class QuantizeCheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(folder_, TempDir::Create()); }
  std::string Out(const std::string& name = "out") const { return folder_->path() + "/" + name; }

  // Logits of a recorded case as the checkpoint in `folder` computes them.
  static std::vector<float> Logits(const std::string& folder, const std::string& model,
                                   const std::string& name) {
    const auto checkpoint = Open(folder);
    EXPECT_THAT(checkpoint, IsOk());
    const SequenceInput input = StoredCase(model, name);
    return Floats(RunWhole((*checkpoint)->engine().network(), input, nullptr).logits);
  }

  // Of each place's logits.
  static std::vector<double> Cosines(const std::vector<float>& a, const std::vector<float>& b,
                                     size_t places) {
    EXPECT_EQ(a.size(), b.size());
    const auto width = static_cast<std::ptrdiff_t>(a.size() / places);
    std::vector<double> out;
    for (size_t i = 0; i < places; ++i) {
      const auto begin = static_cast<std::ptrdiff_t>(i) * width;
      out.push_back(Cosine({a.begin() + begin, a.begin() + begin + width},
                           {b.begin() + begin, b.begin() + begin + width}));
    }
    return out;
  }

  std::unique_ptr<TempDir> folder_;
};

TEST_F(QuantizeCheckpointTest, EightBitsGiveTheFloatsLogits) {
  for (const char* model : {"tiny-dense", "tiny-moe"}) {
    for (const bool symmetric : {true, false}) {
      const std::string out = Out(absl::StrCat(model, symmetric));
      ASSERT_OK_AND_ASSIGN(const QuantizeReport report,
                           QuantizeCheckpoint(GoldenPath(model), out, {8, 32, symmetric}));
      EXPECT_LT(report.bytes_after, report.bytes_before);
      for (const auto& layer : report.layers) {
        EXPECT_GT(layer.relative_error, 0) << layer.name;
        EXPECT_LT(layer.relative_error, 0.01) << layer.name;
      }
      const SequenceInput input = StoredCase(model, "text");
      std::vector<double> cosines =
          Cosines(Logits(out, model, "text"),
                  Floats(RunWhole(TinyNetwork(model), input, nullptr).logits), input.ids.size());
      std::sort(cosines.begin(), cosines.end());
      // Where two experts are as good as equal a router may take the other one, and the tokens
      // behind see it: only most places of a mixture of experts can be held to the number.
      const bool experts = model == std::string("tiny-moe");
      EXPECT_GE(cosines[experts ? cosines.size() / 4 : 0], 0.999) << model << symmetric;
      EXPECT_GE(cosines[0], 0.8) << model << symmetric;
    }
  }
}

TEST_F(QuantizeCheckpointTest, StoredNumbersMeanTheWeightsWithinHalfAStep) {
  ASSERT_THAT(QuantizeCheckpoint(GoldenPath("tiny-dense"), Out(), {8, 32, true}), IsOk());
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const CheckpointWeights> before,
                       CheckpointWeights::Open(GoldenPath("tiny-dense")));
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const CheckpointWeights> after,
                       CheckpointWeights::Open(Out()));
  const std::string name = "model.language_model.layers.2.mlp.down_proj";
  const TensorView& stored = *before->Find(name + ".weight");
  ASSERT_OK_AND_ASSIGN(const at::Tensor weight, ViewStored(stored, before));
  ASSERT_OK_AND_ASSIGN(
      const StoredMatrix matrix,
      ReadQuantized(after, {}, name, weight.size(0), weight.size(1), [](const std::string&) {}));
  const at::Tensor half_step =
      matrix.scales.to(at::kFloat).repeat_interleave(32, 1).mul(0.5001).add(1e-9);
  // Clipping gives up at most a fortieth of the largest value: three steps of 127.
  const at::Tensor error = weight.sub(matrix.Dense(at::kFloat)).abs();
  EXPECT_TRUE(error.le(half_step.mul(8)).all().item<bool>());
  EXPECT_GT(error.le(half_step).to(at::kFloat).mean().item<float>(), 0.95);
}

TEST_F(QuantizeCheckpointTest, KeepsTheRestAsItIsStoredAndTellsOtherReaders) {
  ASSERT_OK_AND_ASSIGN(const QuantizeReport report,
                       QuantizeCheckpoint(GoldenPath("tiny-dense"), Out(), {4, 64, true}));
  ASSERT_OK_AND_ASSIGN(const auto before, CheckpointWeights::Open(GoldenPath("tiny-dense")));
  ASSERT_OK_AND_ASSIGN(const auto after, CheckpointWeights::Open(Out()));
  for (const char* name : {"lm_head.weight", "model.language_model.embed_tokens.weight",
                           "model.language_model.layers.0.input_layernorm.weight",
                           "model.visual.blocks.0.attn.qkv.weight",
                           // 160 inputs are not groups of 64.
                           "model.language_model.layers.0.mlp.down_proj.weight"}) {
    ASSERT_NE(after->Find(name), nullptr) << name;
    EXPECT_EQ(after->Find(name)->bytes, before->Find(name)->bytes) << name;
  }
  EXPECT_THAT(report.kept, Contains(AllOf(Field(&QuantizeReport::Kept::name,
                                                "model.language_model.layers.0.mlp.down_proj"),
                                          Field(&QuantizeReport::Kept::reason, HasSubstr("160")))));
  EXPECT_EQ(report.kept.size(), 4u);
  EXPECT_EQ(after->Find("model.language_model.layers.0.self_attn.q_proj.weight"), nullptr);

  const nlohmann::json config = JsonFile(Out() + "/config.json")["quantization_config"];
  EXPECT_EQ(config["quant_method"], "compressed-tensors");
  EXPECT_EQ(config["format"], "pack-quantized");
  EXPECT_EQ(config["config_groups"]["group_0"]["weights"]["group_size"], 64);
  const std::vector<std::string> ignored = config["ignore"];
  EXPECT_THAT(ignored, Contains("lm_head"));
  EXPECT_THAT(ignored, Contains("model.visual.blocks.0.attn.qkv"));
  EXPECT_THAT(ignored, Contains("model.language_model.layers.3.mlp.down_proj"));
  EXPECT_TRUE(std::filesystem::exists(Out() + "/tokenizer.json"));
  EXPECT_FALSE(std::filesystem::exists(Out() + "/cases"));
}

TEST_F(QuantizeCheckpointTest, ShardsAreBoundedAndIndexed) {
  QuantizeOptions options = {4, 32, false};
  options.shard_bytes = 200'000;
  ASSERT_OK_AND_ASSIGN(const QuantizeReport report,
                       QuantizeCheckpoint(GoldenPath("tiny-moe"), Out(), options));
  EXPECT_GT(report.shards, 2);
  EXPECT_TRUE(std::filesystem::exists(Out() + "/model.safetensors.index.json"));
  for (const auto& entry : std::filesystem::directory_iterator(Out())) {
    if (entry.path().extension() == ".safetensors") {
      ASSERT_OK_AND_ASSIGN(const auto file, SafetensorsFile::Open(entry.path().string()));
      size_t bytes = 0;
      for (const TensorView& tensor : file->tensors()) bytes += tensor.bytes.size();
      // A tensor larger than that has a file of its own.
      EXPECT_TRUE(bytes <= 200'000u || file->tensors().size() == 1)
          << entry.path() << ": " << bytes;
    }
  }
  EXPECT_THAT(Open(Out()), IsOk());
}

TEST_F(QuantizeCheckpointTest, FourBitsLoseMoreThanEight) {
  ASSERT_THAT(QuantizeCheckpoint(GoldenPath("tiny-dense"), Out("8"), {8, 32, true}), IsOk());
  ASSERT_THAT(QuantizeCheckpoint(GoldenPath("tiny-dense"), Out("4"), {4, 32, true}), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto eight, Open(Out("8")));
  ASSERT_OK_AND_ASSIGN(const auto four, Open(Out("4")));
  const auto original = TinyCheckpoint("tiny-dense");
  ASSERT_OK_AND_ASSIGN(const TextLoss none, CompareOnText(original, original, kText, 4096));
  ASSERT_OK_AND_ASSIGN(const TextLoss at8, CompareOnText(original, eight, kText, 4096));
  ASSERT_OK_AND_ASSIGN(const TextLoss at4, CompareOnText(original, four, kText, 4096));
  EXPECT_GT(none.tokens, 50);
  EXPECT_GT(none.original_nll, 1);
  EXPECT_EQ(none.nll, none.original_nll);
  EXPECT_EQ(none.kl, 0);
  EXPECT_EQ(none.same_best, 1);
  EXPECT_EQ(none.embeddings, 3);
  EXPECT_NEAR(none.least_embedding_cosine, 1, 1e-6);
  EXPECT_EQ(at8.original_nll, none.original_nll);
  EXPECT_GT(at8.kl, 0);
  EXPECT_LT(at8.kl, at4.kl);
  EXPECT_GT(at8.mean_embedding_cosine, at4.mean_embedding_cosine);
  EXPECT_GT(at8.least_embedding_cosine, 0.999);
  EXPECT_LE(at4.least_embedding_cosine, at4.mean_embedding_cosine);
}

TEST_F(QuantizeCheckpointTest, ALongTextIsCutAndAShortOneRefused) {
  const auto model = TinyCheckpoint("tiny-dense");
  ASSERT_OK_AND_ASSIGN(const TextLoss cut, CompareOnText(model, model, kText, 10));
  EXPECT_EQ(cut.tokens, 9);
  EXPECT_THAT(CompareOnText(model, model, "", 10), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(QuantizeCheckpointTest, RefusesWhatItShouldNotTouch) {
  ASSERT_THAT(QuantizeCheckpoint(GoldenPath("tiny-dense"), Out(), {8, 32, true}), IsOk());
  EXPECT_THAT(QuantizeCheckpoint(Out(), Out("again"), {4, 32, true}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("quantised already")));
  EXPECT_FALSE(std::filesystem::exists(Out("again")));
  EXPECT_THAT(QuantizeCheckpoint(GoldenPath("tiny-dense"), Out(), {8, 32, true}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not an empty folder")));
  EXPECT_THAT(QuantizeCheckpoint(GoldenPath("tiny-dense"), Out("bits"), {3, 32, true}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bits")));
  EXPECT_THAT(QuantizeCheckpoint(GoldenPath("tiny-dense"), Out("group"), {4, 48, true}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("group")));
  EXPECT_THAT(QuantizeCheckpoint("/nowhere", Out("none"), {4, 32, true}),
              StatusIs(absl::StatusCode::kNotFound));
  std::filesystem::create_directories(Out("bundle"));
  ASSERT_THAT(WriteFileAtomic(Out("bundle/sightline.json"), R"({"encoder": "part"})"), IsOk());
  EXPECT_THAT(QuantizeCheckpoint(Out("bundle"), Out("of-bundle"), {4, 32, true}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("bundle")));
}

}  // namespace
}  // namespace sightline::model
