#include "model/moe.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "model/qwen3vl_generator.h"
#include "model/whole_run.h"
#include "nlohmann/json.hpp"
#include "tests/model/network_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::ExpectReference;
using ::sightline::testing::Floats;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::MaxDifference;
using ::sightline::testing::Report;
using ::sightline::testing::StatusIs;
using ::sightline::testing::StoredCase;
using ::sightline::testing::TinyCheckpoint;
using ::sightline::testing::TinyNetwork;
using ::sightline::testing::Values;
using ::testing::HasSubstr;

constexpr char kMoe[] = "tiny-moe";
constexpr char kDense[] = "tiny-dense";

class MoeCase : public ::testing::TestWithParam<const char*> {};

TEST_P(MoeCase, LogitsAreTheReferences) {
  const auto golden = GoldenTensors("tiny-moe/cases/" + std::string(GetParam()) + ".safetensors");
  // Both models read the same prompts and pixels.
  const WholeRun run = RunWhole(TinyNetwork(kMoe), StoredCase(kDense, GetParam()), nullptr);
  ExpectReference(Floats(run.logits), Values<float>(*golden, "logits"), 1e-3,
                  "mixture of experts logits", "logits");
}

INSTANTIATE_TEST_SUITE_P(Cases, MoeCase,
                         ::testing::Values("text", "text_short", "image", "image_odd", "two_images",
                                           "video", "image_video"));

class MoeGenerateCase : public ::testing::TestWithParam<const char*> {};

TEST_P(MoeGenerateCase, GreedyTokensAreTheReferences) {
  const auto golden =
      GoldenTensors("tiny-moe/cases/gen_" + std::string(GetParam()) + ".safetensors");
  GenerateInput input;
  input.sampling.temperature = 0;
  input.sampling.presence_penalty = 0;
  input.sampling.ignore_eos = true;
  input.max_tokens = 24;
  Qwen3VlGenerator generator(TinyCheckpoint(kMoe));
  ASSERT_OK_AND_ASSIGN(
      const GenerateResult result,
      generator.Continue([&] { return StoredCase(kDense, GetParam()); }, input, {}, nullptr));
  EXPECT_EQ(std::vector<int64_t>(result.first().token_ids.begin(), result.first().token_ids.end()),
            Values<int64_t>(*golden, "output_ids"));
}

INSTANTIATE_TEST_SUITE_P(Cases, MoeGenerateCase, ::testing::Values("text", "image"));

// Writes tiny-moe anew with its expert tensors changed, and runs it.
class MoeLayoutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempDir::Create();
    ASSERT_THAT(folder, IsOk());
    folder_ = *std::move(folder);
    original_ = GoldenTensors("tiny-moe/model.safetensors");
    ASSERT_OK_AND_ASSIGN(const CheckpointConfig config, LoadCheckpointConfig(GoldenPath(kMoe)));
    config_ = config.model;
  }

  void Add(const std::string& name, DType dtype, const at::Tensor& tensor) {
    const at::Tensor flat = tensor.contiguous();
    bytes_.emplace_back(static_cast<const char*>(flat.data_ptr()), flat.nbytes());
    entries_.push_back({name, dtype, tensor.sizes().vec(), {}});
  }

  // Logits of `name` from what was added and all tensors that are not the experts'.
  absl::StatusOr<std::vector<float>> Logits(const char* name, const NetworkTypes& types = {}) {
    std::vector<TensorView> tensors;
    std::vector<at::Tensor> kept;
    for (const TensorView& tensor : original_->tensors()) {
      if (absl::StrContains(tensor.name, ".experts.")) continue;
      tensors.push_back(tensor);
      if (rest_ == at::kFloat) continue;
      kept.push_back(ViewStored(tensor, nullptr)->to(rest_));
      tensors.back().dtype = rest_ == at::kHalf ? DType::kF16 : DType::kBF16;
      tensors.back().bytes = {static_cast<const char*>(kept.back().data_ptr()),
                              kept.back().nbytes()};
    }
    for (size_t i = 0; i < entries_.size(); ++i) {
      entries_[i].bytes = bytes_[i];
      tensors.push_back(entries_[i]);
    }
    EXPECT_THAT(WriteSafetensors(folder_->path() + "/model.safetensors", tensors), IsOk());
    auto weights = CheckpointWeights::Open(folder_->path());
    EXPECT_THAT(weights, IsOk());
    auto network = Network::Load(config_, *std::move(weights), types);
    if (!network.ok()) return network.status();
    return Floats(RunWhole(**network, StoredCase(kDense, name), nullptr).logits);
  }

  // Calls visit(name, tensor) for every fused expert tensor, [experts, in, out] float32.
  template <typename Visit>
  void ForEachFused(Visit&& visit) {
    for (const TensorView& view : original_->tensors()) {
      if (!absl::StrContains(view.name, ".experts.")) continue;
      visit(view.name, *ViewStored(view, nullptr));
    }
  }

  std::unique_ptr<TempDir> folder_;
  std::unique_ptr<SafetensorsFile> original_;
  ModelConfig config_;
  at::ScalarType rest_ = at::kFloat;  // of the tensors that are not the experts'
  std::vector<std::string> bytes_;
  std::vector<TensorView> entries_;
};

TEST_F(MoeLayoutTest, ExpertsStoredOneByOneGiveTheReferencesLogits) {
  ForEachFused([&](const std::string& name, const at::Tensor& fused) {
    const std::string root = name.substr(0, name.rfind('.') + 1);
    const bool down = absl::EndsWith(name, "down_proj");
    for (int64_t e = 0; e < fused.size(0); ++e) {
      const at::Tensor matrix = fused.select(0, e).t();  // [out, in]
      if (down) {
        Add(absl::StrCat(root, e, ".down_proj.weight"), DType::kF32, matrix);
        continue;
      }
      const int64_t inner = matrix.size(0) / 2;
      Add(absl::StrCat(root, e, ".gate_proj.weight"), DType::kF32, matrix.narrow(0, 0, inner));
      Add(absl::StrCat(root, e, ".up_proj.weight"), DType::kF32, matrix.narrow(0, inner, inner));
    }
  });
  ASSERT_OK_AND_ASSIGN(const std::vector<float> logits, Logits("image"));
  const auto golden = GoldenTensors("tiny-moe/cases/image.safetensors");
  EXPECT_LE(MaxDifference(logits, Values<float>(*golden, "logits")), 1e-3);
}

TEST_F(MoeLayoutTest, ExpertsStoredOutputMajorGiveTheReferencesLogits) {
  ForEachFused([&](const std::string& name, const at::Tensor& fused) {
    Add(name, DType::kF32, fused.transpose(1, 2));
  });
  ASSERT_OK_AND_ASSIGN(const std::vector<float> logits, Logits("text"));
  const auto golden = GoldenTensors("tiny-moe/cases/text.safetensors");
  EXPECT_LE(MaxDifference(logits, Values<float>(*golden, "logits")), 1e-3);
}

// Numbers that FP8 holds exactly, scaled a block at a time, against the same as float32.
TEST_F(MoeLayoutTest, Fp8ExpertsAreScaledByTheirBlocks) {
  config_.quantization.method = QuantizationMethod::kFp8;
  config_.quantization.block_rows = 32;
  config_.quantization.block_columns = 16;
  std::vector<std::pair<std::string, at::Tensor>> dense;
  ForEachFused([&](const std::string& name, const at::Tensor& fused) {
    const int64_t experts = fused.size(0), rows = fused.size(1), columns = fused.size(2);
    // e4m3 with exponent 7 stands for 1 + fraction / 8; the top bit is the sign.
    const at::Tensor fraction = fused.mul(1000).to(at::kLong).remainder(8);
    const at::Tensor negative = fused.lt(0);
    const at::Tensor bits = fraction.add(7 * 8).add(negative.to(at::kLong).mul(128));
    const at::Tensor value = fraction.to(at::kFloat)
                                 .div(8)
                                 .add(1)
                                 .mul(at::where(negative, at::full({}, -1.0f), at::full({}, 1.0f)));
    const at::Tensor scales =
        at::arange(experts * ((rows + 31) / 32) * ((columns + 15) / 16), at::kFloat)
            .remainder(5)
            .add(1)
            .mul(0.01)
            .view({experts, (rows + 31) / 32, (columns + 15) / 16});
    Add(name, DType::kF8E4M3, bits.to(at::kByte));
    Add(name + "_scale_inv", DType::kF32, scales);
    const at::Tensor spread = scales.repeat_interleave(32, 1)
                                  .repeat_interleave(16, 2)
                                  .narrow(1, 0, rows)
                                  .narrow(2, 0, columns);
    dense.emplace_back(name, value.mul(spread));
  });
  ASSERT_OK_AND_ASSIGN(const std::vector<float> narrow, Logits("text"));
  bytes_.clear();
  entries_.clear();
  for (const auto& [name, tensor] : dense) Add(name, DType::kF32, tensor);
  ASSERT_OK_AND_ASSIGN(const std::vector<float> wide, Logits("text"));
  EXPECT_LE(MaxDifference(narrow, wide), 1e-3);
}

// Rounding the router's weights can send a token to another expert, so the reference in float32 is
// no measure here: the same rounded numbers held in float32 are.
TEST_F(MoeLayoutTest, SixteenBitMatricesGiveWhatTheirNumbersGiveInFloat32) {
  for (const auto& [stored, type] :
       {std::pair(DType::kBF16, at::kBFloat16), std::pair(DType::kF16, at::kHalf)}) {
    bytes_.clear();
    entries_.clear();
    rest_ = type;
    ForEachFused([&](const std::string& name, const at::Tensor& fused) {
      Add(name, stored, fused.to(type));
    });
    NetworkTypes narrow;
    narrow.weights = type;
    ASSERT_OK_AND_ASSIGN(const std::vector<float> as_stored, Logits("image", narrow));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> wide, Logits("image"));
    EXPECT_LE(MaxDifference(as_stored, wide), 1e-3);
  }
}

TEST_F(MoeLayoutTest, NamesTheExpertTensorThatIsMissing) {
  EXPECT_THAT(Logits("text").status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("experts.gate_up_proj")));
}

}  // namespace
}  // namespace sightline::model
