#include "model/quantized_weights.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "nlohmann/json.hpp"
#include "tests/model/network_case.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::Floats;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::MaxDifference;
using ::sightline::testing::Report;
using ::sightline::testing::StatusIs;
using ::sightline::testing::Values;
using ::testing::HasSubstr;

// The stored tensors of one reference matrix as those of a layer called "layer" in a checkpoint.
class Sample {
 public:
  explicit Sample(const std::string& name)
      : file_(GoldenTensors("quant/" + name + ".safetensors")),
        meta_(GoldenJson("quant/meta.json")[name]),
        out_(meta_["out_features"]),
        in_(meta_["in_features"]) {
    folder_ = *TempDir::Create();
    for (TensorView tensor : file_->tensors()) {
      if (tensor.name == "x" || tensor.name.rfind("expect.", 0) == 0) continue;
      // The reference keeps the bits of FP8 numbers as U8.
      if (tensor.name == "weight") tensor.dtype = DType::kF8E4M3;
      tensor.name = "layer." + tensor.name;
      tensors_.push_back(std::move(tensor));
    }
  }

  std::vector<TensorView>& tensors() { return tensors_; }
  const SafetensorsFile& file() const { return *file_; }

  absl::StatusOr<StoredMatrix> Read() const {
    EXPECT_THAT(WriteSafetensors(folder_->path() + "/model.safetensors", tensors_), IsOk());
    auto opened = CheckpointWeights::Open(folder_->path());
    EXPECT_THAT(opened, IsOk());
    auto config = ParseQuantization(meta_.dump());
    EXPECT_THAT(config, IsOk());
    const std::shared_ptr<const CheckpointWeights> files = *std::move(opened);
    EXPECT_TRUE(IsQuantized(*files, "layer"));
    return ReadQuantized(files, *config, "layer", out_, in_, [](const std::string&) {});
  }

 private:
  std::unique_ptr<SafetensorsFile> file_;
  nlohmann::json meta_;
  int64_t out_, in_;
  std::unique_ptr<TempDir> folder_;
  std::vector<TensorView> tensors_;
};

class QuantizedCase : public ::testing::TestWithParam<const char*> {};

TEST_P(QuantizedCase, WeightsAndProductsAreTheReferences) {
  const Sample sample(GetParam());
  ASSERT_OK_AND_ASSIGN(const StoredMatrix matrix, sample.Read());
  const double weights = MaxDifference(Floats(matrix.Dense(at::kFloat)),
                                       Values<float>(sample.file(), "expect.weight"));
  Report("quantised weights", weights);
  EXPECT_LE(weights, 1e-6);

  const std::vector<float> values = Values<float>(sample.file(), "x");
  const at::Tensor x = at::tensor(values).view({5, matrix.in});
  const std::vector<float> expected = Values<float>(sample.file(), "expect.y");
  const double few = MaxDifference(Floats(matrix.Multiply(x)), expected);
  Report("quantised products", few);
  EXPECT_LE(few, 1e-4);

  // Many rows take the way through BLAS.
  const at::Tensor many = matrix.Multiply(x.repeat({8, 1}));
  EXPECT_LE(MaxDifference(Floats(many.narrow(0, 35, 5)), expected), 1e-4);
  // A batch of batches keeps its shape.
  EXPECT_EQ(matrix.Multiply(x.view({1, 5, matrix.in})).sizes(),
            at::IntArrayRef({1, 5, matrix.out}));
}

INSTANTIATE_TEST_SUITE_P(Formats, QuantizedCase,
                         ::testing::Values("awq4", "gptq4", "gptq4_actorder", "gptq8", "gptq4_v2",
                                           "ct4_sym", "ct4_asym", "fp8_block"));

TEST(QuantizedWeightsTest, NamesATensorThatIsMissingOrOfAWrongShapeOrType) {
  Sample missing("awq4");
  std::erase_if(missing.tensors(), [](const TensorView& t) { return t.name == "layer.qzeros"; });
  EXPECT_THAT(missing.Read(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("layer.qzeros")));

  Sample shape("gptq4");
  for (TensorView& tensor : shape.tensors()) {
    if (tensor.name == "layer.qweight") std::swap(tensor.shape[0], tensor.shape[1]);
  }
  EXPECT_THAT(shape.Read(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("layer.qweight")));

  Sample type("ct4_sym");
  for (TensorView& tensor : type.tensors()) {
    if (tensor.name == "layer.weight_scale") tensor.dtype = DType::kI32;
  }
  EXPECT_THAT(type.Read(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("I32")));
}

TEST(QuantizedWeightsTest, RefusesScalesThatAreNotFinite) {
  Sample sample("ct4_sym");
  std::vector<float> scales = Values<float>(sample.file(), "weight_scale");
  scales[7] = std::numeric_limits<float>::quiet_NaN();
  for (TensorView& tensor : sample.tensors()) {
    if (tensor.name == "layer.weight_scale") {
      tensor.bytes = {reinterpret_cast<const char*>(scales.data()), scales.size() * sizeof(float)};
    }
  }
  EXPECT_THAT(sample.Read(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not finite")));
}

TEST(QuantizedWeightsTest, RefusesGroupsThatAreNotDealtEvenly) {
  Sample sample("gptq4_actorder");
  std::vector<int32_t> groups(128, 0);
  for (TensorView& tensor : sample.tensors()) {
    if (tensor.name == "layer.g_idx") {
      tensor.bytes = {reinterpret_cast<const char*>(groups.data()), groups.size() * 4};
    }
  }
  EXPECT_THAT(sample.Read(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("layer.g_idx")));
}

TEST(QuantizationConfigTest, RefusesWhatItDoesNotKnowByField) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"quant_method":"bitsandbytes"})", "bitsandbytes"},
      {R"({"bits":4})", "quant_method"},
      {R"({"quant_method":"awq","bits":3})", "bits"},
      {R"({"quant_method":"awq","version":"gemv"})", "gemv"},
      {R"({"quant_method":"gptq","bits":2})", "bits"},
      {R"({"quant_method":"gptq","checkpoint_format":"marlin"})", "marlin"},
      {R"({"quant_method":"fp8","weight_block_size":[0,128]})", "weight_block_size"},
      {R"({"quant_method":"compressed-tensors","format":"marlin-24"})", "marlin-24"},
  };
  for (const auto& [json, named] : cases) {
    EXPECT_THAT(ParseQuantization(json),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(named)));
  }
  EXPECT_THAT(ParseQuantization(""), IsOk());
}

}  // namespace
}  // namespace sightline::model
