#include "model/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "base/file.h"
#include "tests/model/checkpoint_copy.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::CopyCheckpoint;
using ::sightline::testing::IsOk;
using ::sightline::testing::PatchTensor;
using ::sightline::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kLayer[] = "model.language_model.layers.1.mlp.up_proj.weight";

// One checkpoint as all three parts.
class SealTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TempDir::Create());
    CopyCheckpoint("tiny-reranker", Path() + "/part");
    Bundle(R"({"encoder":"part","reranker":"part","generator":"part"})");
  }
  const std::string& Path() const { return folder_->path(); }
  void Bundle(const std::string& json) {
    ASSERT_THAT(WriteFileAtomic(Path() + "/sightline.json", json), IsOk());
  }

  absl::StatusOr<LoadedModel> LoadIt(const std::string& dtype = "float32") const {
    LoadOptions options;
    options.device = "cpu";
    options.dtype = dtype;
    options.threads = 1;
    return Load(Path(), options);
  }
  void Seal() {
    ASSERT_OK_AND_ASSIGN(const LoadedModel model, LoadIt());
    ASSERT_THAT(WriteSeal(model, Path()), IsOk());
  }
  absl::StatusOr<SealCheck> Check(const std::string& dtype = "float32") const {
    const auto model = LoadIt(dtype);
    if (!model.ok()) return model.status();
    return CheckSeal(*model, Path());
  }

  std::unique_ptr<TempDir> folder_;
};

TEST_F(SealTest, AModelThatIsAsItWasHolds) {
  EXPECT_FALSE(HasSeal(Path()));
  Seal();
  EXPECT_TRUE(HasSeal(Path()));
  ASSERT_OK_AND_ASSIGN(const SealCheck check, Check());
  EXPECT_TRUE(check.holds()) << check.Faults();
  EXPECT_EQ(check.Faults(), "");
  // Of each part its fingerprint; four vectors, three scores, two texts.
  EXPECT_EQ(check.figures.size(), 3u + 2 * 4 + 3 + 2);
}

TEST_F(SealTest, SixteenBitsHoldWithinTheirOwnLimits) {
  Seal();
  ASSERT_OK_AND_ASSIGN(const SealCheck check, Check("bfloat16"));
  EXPECT_TRUE(check.holds()) << check.Faults();
}

TEST_F(SealTest, AChangedByteOfTheWeightsDriftsAndSaysHowFar) {
  Seal();
  PatchTensor(Path() + "/part", kLayer, 3, "\x40");  // the exponent of the first number
  ASSERT_OK_AND_ASSIGN(const SealCheck check, Check());
  EXPECT_FALSE(check.holds());
  EXPECT_THAT(check.Faults(),
              AllOf(HasSubstr("encoder: fingerprint is "), HasSubstr("encoder: cosine of input"),
                    HasSubstr("at least 1"), HasSubstr("reranker: score of input"),
                    HasSubstr("generator: logit of input")));
}

TEST_F(SealTest, AChangeTooSmallToSeeStillIsAnotherModel) {
  Seal();
  PatchTensor(Path() + "/part", kLayer, 0, "\x01");  // the last bits of the first number
  ASSERT_OK_AND_ASSIGN(const SealCheck check, Check());
  EXPECT_FALSE(check.holds());
  EXPECT_THAT(check.Faults(), AllOf(HasSubstr("encoder: fingerprint is "),
                                    HasSubstr("within the limits: encoder: cosine of input")));
}

TEST_F(SealTest, AChangedPromptRuleDrifts) {
  Seal();
  const std::string path = Path() + "/part/preprocessor_config.json";
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(path));
  const size_t at = text.find("0.5", text.find("image_mean"));
  ASSERT_NE(at, std::string::npos);
  ASSERT_THAT(WriteFileAtomic(path, text.replace(at, 3, "0.3")), IsOk());
  ASSERT_OK_AND_ASSIGN(const SealCheck check, Check());
  for (const SealFigure& figure : check.figures) {
    if (figure.what != "number") continue;
    EXPECT_EQ(figure.holds, absl::StrContains(figure.input, "(text)")) << figure.input;
  }
}

TEST_F(SealTest, PartsThatCameOrWentDrift) {
  Seal();
  Bundle(R"({"encoder":"part","generator":"part"})");
  ASSERT_OK_AND_ASSIGN(const SealCheck gone, Check());
  EXPECT_EQ(gone.Faults(), "reranker: part was sealed and is not there");
  Seal();
  Bundle(R"({"encoder":"part","reranker":"part","generator":"part"})");
  ASSERT_OK_AND_ASSIGN(const SealCheck came, Check());
  EXPECT_EQ(came.Faults(), "reranker: part was not there when sealed");
}

TEST_F(SealTest, ADamagedSealIsDataLoss) {
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kNotFound));
  Seal();
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(Path() + "/sightline-golden.json"));
  for (const std::string& broken : {std::string("{"), std::string("{\"version\":9}"),
                                    text.substr(0, text.size() / 2), std::string("[]")}) {
    ASSERT_THAT(WriteFileAtomic(Path() + "/sightline-golden.json", broken), IsOk());
    EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("sightline-golden.json")));
  }
  ASSERT_THAT(WriteFileAtomic(Path() + "/sightline-golden.json", text), IsOk());
  std::filesystem::resize_file(Path() + "/sightline-golden.safetensors", 1000);
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kDataLoss));
}

ModelInfo Of(const std::string& dtype) {
  ModelInfo info;
  info.dtype = dtype;
  return info;
}

// Never gives the same vector twice.
class UnsteadyEncoder : public Encoder {
 public:
  const ModelInfo& info() const override { return info_; }
  int dimension() const override { return 2; }
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const EncodeInput> inputs, int,
                                                         const CallOptions&) override {
    angle_ += 0.1f;
    return std::vector<std::vector<float>>(inputs.size(), {std::cos(angle_), std::sin(angle_)});
  }
  absl::StatusOr<PictureRegions> EncodeRegions(const ImagePtr&, int, const CallOptions&) override {
    return absl::UnimplementedError("not of this test");
  }
  absl::StatusOr<int> CountTokens(absl::string_view) const override { return 1; }

 private:
  const ModelInfo info_ = Of("float32");
  float angle_ = 0;
};

TEST_F(SealTest, AModelThatIsNotSteadyIsNotSealed) {
  LoadedModel model;
  model.encoder = std::make_unique<UnsteadyEncoder>();
  EXPECT_THAT(WriteSeal(model, Path()),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("encoder: cosine")));
  EXPECT_FALSE(HasSeal(Path()));
}

TEST(SealLimitsTest, OnlyFloat32ToFloat32IsHeldToTheNumber) {
  const ModelInfo wide = Of("float32"), narrow = Of("bfloat16"), quantised = Of("awq, float32");
  EXPECT_EQ(LimitsFor(wide, wide).number, 1e-4);
  EXPECT_EQ(LimitsFor(wide, narrow).cosine, 0.999);
  EXPECT_EQ(LimitsFor(narrow, wide).cosine, 0.999);
  EXPECT_EQ(LimitsFor(quantised, quantised).cosine, 0.999);
}

}  // namespace
}  // namespace sightline::model
