#include "model/factor_checkpoint.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file.h"
#include "model/matrix_factors.h"
#include "model/weights.h"
#include "model/whole_run.h"
#include "nlohmann/json.hpp"
#include "tests/model/checkpoint_copy.h"
#include "tests/model/network_case.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::CopyCheckpoint;
using ::sightline::testing::Floats;
using ::sightline::testing::GoldenPath;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::JsonFile;
using ::sightline::testing::MaxDifference;
using ::sightline::testing::Report;
using ::sightline::testing::StatusIs;
using ::sightline::testing::StoredCase;
using ::sightline::testing::Values;
using ::testing::HasSubstr;

at::Tensor AsTensor(const TensorView& view) {
  at::Tensor out = at::empty(view.shape, at::kFloat);
  std::memcpy(out.data_ptr(), view.bytes.data(), view.bytes.size());
  return out;
}

// W + scale * B A for every layer that the adapter file has.
std::function<void(const std::string&, at::Tensor&)> Merge(const SafetensorsFile& adapter,
                                                           double scale) {
  return [&adapter, scale](const std::string& name, at::Tensor& weight) {
    const std::string layer =
        "base_model.model." + name.substr(0, name.size() - std::string(".weight").size());
    const TensorView* const a = adapter.Find(layer + ".lora_A.weight");
    const TensorView* const b = adapter.Find(layer + ".lora_B.weight");
    if (a != nullptr && b != nullptr) {
      weight = weight.add(at::mm(AsTensor(*b), AsTensor(*a)), scale);
    }
  };
}

// tiny-dense with its tensors changed, in a folder of its own.
void WriteChanged(const std::string& folder,
                  const std::function<void(const std::string&, at::Tensor&)>& change) {
  CopyCheckpoint("tiny-dense", folder);
  for (const char* file : {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                           "model.safetensors.index.json"}) {
    std::filesystem::remove(folder + "/" + file);
  }
  const auto base = CheckpointWeights::Open(GoldenPath("tiny-dense"));
  ASSERT_THAT(base, IsOk());
  std::vector<at::Tensor> kept;
  std::vector<TensorView> views;
  for (const std::string& name : (*base)->Names()) {
    TensorView view = *(*base)->Find(name);
    at::Tensor tensor = AsTensor(view);
    change(name, tensor);
    kept.push_back(tensor.contiguous());
    view.bytes = {static_cast<const char*>(kept.back().data_ptr()), kept.back().nbytes()};
    views.push_back(view);
  }
  ASSERT_THAT(WriteSafetensors(folder + "/model.safetensors", views), IsOk());
}

class FactorCheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TempDir::Create());
    golden_ = GoldenTensors("lora/plain/adapter_model.safetensors");
  }
  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }

  absl::StatusOr<FactorReport> Factor(const FactorOptions& options = {}) const {
    return FactorCheckpoint(GoldenPath("tiny-dense"), Path("tuned"), Path("adapter"), options);
  }

  std::unique_ptr<TempDir> folder_;
  std::unique_ptr<SafetensorsFile> golden_;
};

TEST_F(FactorCheckpointTest, RecoversTheAdapterThatWasMerged) {
  WriteChanged(Path("tuned"), Merge(*golden_, 2));  // alpha 8 over rank 4
  ASSERT_OK_AND_ASSIGN(const FactorReport report, Factor({.error = 1e-4}));
  EXPECT_TRUE(report.holds);
  EXPECT_EQ(report.layers.size(), golden_->tensors().size() / 2);
  for (const FactorReport::Layer& layer : report.layers) {
    EXPECT_EQ(layer.rank, 4) << layer.name;
    EXPECT_LT(layer.error, 1e-4) << layer.name;
    EXPECT_LT(layer.error_of_weight, layer.error) << layer.name;
    EXPECT_TRUE(layer.holds);
  }
  EXPECT_TRUE(report.others.empty());
  EXPECT_GT(report.equal, 0);

  // The base and what was found give what the reference gave with the adapter.
  LoadOptions options;
  options.device = "cpu";
  options.threads = 1;
  options.adapters = {{"found", Path("adapter")}};
  ASSERT_OK_AND_ASSIGN(const auto base, Checkpoint::Open(GoldenPath("tiny-dense"), options, {}));
  const auto expected = GoldenTensors("lora/plain/expect.safetensors");
  for (const char* name : {"text", "image"}) {
    SequenceInput input = StoredCase("tiny-dense", name);
    ASSERT_OK_AND_ASSIGN(input.adapter, base->FindAdapter("found"));
    const WholeRun run = RunWhole(base->engine().network(), input, nullptr);
    const double difference =
        MaxDifference(Floats(run.logits), Values<float>(*expected, std::string("logits_") + name));
    Report("factored adapter logits", difference);
    EXPECT_LE(difference, 1e-3) << name;
  }
}

TEST_F(FactorCheckpointTest, WritesEachRankForOtherReaders) {
  WriteChanged(Path("tuned"), [](const std::string& name, at::Tensor& weight) {
    for (const auto& [layer, rank] : {std::pair("layers.0.self_attn.q_proj.weight", 3),
                                      std::pair("layers.2.mlp.up_proj.weight", 1)}) {
      if (name.find(layer) == std::string::npos) continue;
      const at::Tensor b = at::sin(at::arange(weight.size(0) * rank, at::kFloat).square().mul(0.3));
      const at::Tensor a = at::cos(at::arange(rank * weight.size(1), at::kFloat).square().mul(0.7));
      weight =
          weight.add(at::mm(b.view({weight.size(0), rank}), a.view({rank, weight.size(1)})), 0.01);
    }
  });
  ASSERT_OK_AND_ASSIGN(const FactorReport report, Factor({.error = 1e-3, .bfloat16 = true}));
  ASSERT_TRUE(report.holds);
  const nlohmann::json config = JsonFile(Path("adapter") + "/adapter_config.json");
  const std::string q = "model.language_model.layers.0.self_attn.q_proj";
  const std::string up = "model.language_model.layers.2.mlp.up_proj";
  EXPECT_EQ(config["r"], 3);
  EXPECT_EQ(config["lora_alpha"], 3);
  EXPECT_EQ(config["rank_pattern"], (nlohmann::json{{up, 1}}));
  EXPECT_EQ(config["alpha_pattern"], (nlohmann::json{{up, 1}}));
  EXPECT_EQ(config["target_modules"], (nlohmann::json{q, up}));
  const auto file = SafetensorsFile::Open(Path("adapter") + "/adapter_model.safetensors");
  ASSERT_THAT(file, IsOk());
  const TensorView* const a = (*file)->Find("base_model.model." + up + ".lora_A.weight");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->shape, (std::vector<int64_t>{1, 64}));
  EXPECT_EQ(a->dtype, DType::kBF16);
}

TEST_F(FactorCheckpointTest, ANormThatChangedDoesNotHoldAndIsNamed) {
  const std::string norm = "model.language_model.layers.1.input_layernorm.weight";
  WriteChanged(Path("tuned"), [&](const std::string& name, at::Tensor& weight) {
    Merge(*golden_, 2)(name, weight);
    if (name == norm) weight = weight.mul(1.01);
  });
  ASSERT_OK_AND_ASSIGN(const FactorReport report, Factor({.error = 1e-3}));
  EXPECT_FALSE(report.holds);
  ASSERT_EQ(report.others.size(), 1u);
  EXPECT_EQ(report.others[0].name, norm);
  EXPECT_NEAR(report.others[0].relative_change, 0.01 / 1.01, 1e-4);
  ASSERT_EQ(report.reasons.size(), 1u);
  EXPECT_THAT(report.reasons[0], HasSubstr(norm));
  EXPECT_FALSE(std::filesystem::exists(Path("adapter")));
}

TEST_F(FactorCheckpointTest, NoiseOfFullRankExceedsTheHighestRank) {
  const std::string layer = "model.language_model.layers.1.mlp.gate_proj";
  WriteChanged(Path("tuned"), [&](const std::string& name, at::Tensor& weight) {
    if (name != layer + ".weight") return;
    weight = weight.add(
        at::sin(at::arange(weight.numel(), at::kFloat).square().mul(0.37)).view(weight.sizes()),
        0.01);
  });
  ASSERT_OK_AND_ASSIGN(const FactorReport report, Factor({.max_rank = 8, .error = 1e-2}));
  EXPECT_FALSE(report.holds);
  ASSERT_EQ(report.layers.size(), 1u);
  EXPECT_EQ(report.layers[0].rank, 8);
  EXPECT_GT(report.layers[0].error, 0.5);
  EXPECT_FALSE(report.layers[0].holds);
  EXPECT_THAT(report.reasons[0], HasSubstr(layer));
  EXPECT_THAT(report.reasons[0], HasSubstr("rank 8"));
}

TEST_F(FactorCheckpointTest, EqualCheckpointsNeedNoAdapter) {
  WriteChanged(Path("tuned"), [](const std::string&, at::Tensor&) {});
  ASSERT_OK_AND_ASSIGN(const FactorReport report, Factor());
  EXPECT_TRUE(report.holds);
  EXPECT_TRUE(report.layers.empty());
  EXPECT_FALSE(std::filesystem::exists(Path("adapter")));
}

TEST_F(FactorCheckpointTest, RefusesWhatItCannotCompare) {
  EXPECT_THAT(
      FactorCheckpoint(GoldenPath("tiny-dense"), GoldenPath("tiny-moe"), Path("adapter"), {}),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("only")));
  EXPECT_THAT(FactorCheckpoint(GoldenPath("tiny-dense"), "/nowhere", Path("adapter"), {}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(FactorCheckpoint(GoldenPath("tiny-dense"), GoldenPath("tiny-dense"),
                               folder_->path() + "/..", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not an empty folder")));
  EXPECT_THAT(FactorCheckpoint(GoldenPath("tiny-dense"), GoldenPath("tiny-dense"), Path("adapter"),
                               {.error = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("error")));
}

TEST(MatrixFactorsTest, TheIterationFindsWhatTheFullDecompositionFinds) {
  // Above the side up to which the decomposition is full; singular values fall by a third.
  const int64_t out = 700, in = 620;
  const auto waves = [](int64_t rows, int64_t columns, double step) {
    return at::sin(at::arange(rows * columns, at::kFloat).square().mul(step)).view({rows, columns});
  };
  at::Tensor falling = at::pow(1.5, at::arange(12, at::kFloat).neg());
  const at::Tensor d = at::mm(waves(out, 12, 0.013).mul(falling), waves(12, in, 0.029));
  const at::Tensor values = std::get<1>(at::linalg_svd(d.to(at::kDouble), false));
  for (const double error : {0.3, 0.05, 1e-4}) {
    int64_t least = 0;
    const double all = values.square().sum().item<double>();
    while (std::sqrt(values.narrow(0, least, values.size(0) - least).square().sum().item<double>() /
                     all) > error) {
      ++least;
    }
    const MatrixFactors factors = FactorMatrix(d, 20, error);
    EXPECT_EQ(factors.rank, least) << error;
    EXPECT_LE(factors.error, error);
    EXPECT_EQ(factors.a.sizes(), at::IntArrayRef({least, in}));
    EXPECT_EQ(factors.b.sizes(), at::IntArrayRef({out, least}));
  }
}

}  // namespace
}  // namespace sightline::model
