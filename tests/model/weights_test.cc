#include "model/weights.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WeightsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempDir::Create();
    ASSERT_THAT(folder, IsOk());
    folder_ = *std::move(folder);
  }

  // A loader of a checkpoint with "a" [2, 2] float32 of `values` and "b" [2] int32.
  std::unique_ptr<WeightLoader> Loader(const std::vector<float>& values,
                                       const NetworkTypes& types) {
    const auto bytes = [](const auto& v) {
      return absl::string_view(reinterpret_cast<const char*>(v.data()), v.size() * 4);
    };
    const std::vector<int32_t> whole = {1, 2};
    const std::vector<TensorView> tensors = {{"a", DType::kF32, {2, 2}, bytes(values)},
                                             {"b", DType::kI32, {2}, bytes(whole)}};
    EXPECT_THAT(WriteSafetensors(folder_->path() + "/model.safetensors", tensors), IsOk());
    auto opened = CheckpointWeights::Open(folder_->path());
    EXPECT_THAT(opened, IsOk());
    return std::make_unique<WeightLoader>(*std::move(opened), QuantizationConfig(), types);
  }

  std::unique_ptr<TempDir> folder_;
};

TEST_F(WeightsTest, ATensorOfTheWantedTypeIsAViewThatOutlivesTheLoader) {
  auto loader = Loader({1, 2, 3, 4}, {});
  const at::Tensor a = loader->Take("a", {2, 2});
  ASSERT_THAT(loader->status(), IsOk());
  EXPECT_EQ(loader->parameters(), 4);
  EXPECT_THAT(loader->Unused(), ElementsAre("b"));
  loader.reset();
  EXPECT_EQ(a.sum().item<float>(), 10);
}

TEST_F(WeightsTest, ATensorOfAnotherFloatTypeIsConverted) {
  NetworkTypes types;
  types.weights = at::kBFloat16;
  auto loader = Loader({1, 2, 3, 4}, types);
  EXPECT_EQ(loader->Take("a", {2, 2}).scalar_type(), at::kFloat);
  EXPECT_EQ(loader->TakeTable("a", {2, 2}).scalar_type(), at::kBFloat16);
}

TEST_F(WeightsTest, NamesATensorOfTheWrongShapeTypeOrThatIsMissing) {
  auto shape = Loader({1, 2, 3, 4}, {});
  EXPECT_FALSE(shape->Take("a", {4, 1}).defined());
  EXPECT_THAT(shape->status(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("a")));
  auto type = Loader({1, 2, 3, 4}, {});
  type->Take("b", {2});
  EXPECT_THAT(type->status(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("I32")));
  auto missing = Loader({1, 2, 3, 4}, {});
  missing->Take("c", {2});
  EXPECT_THAT(missing->status(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("c")));
}

TEST_F(WeightsTest, RefusesValuesThatAreNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    auto loader = Loader({1, bad, 3, 4}, {});
    loader->Take("a", {2, 2});
    EXPECT_THAT(loader->status(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not finite")));
  }
}

}  // namespace
}  // namespace sightline::model
