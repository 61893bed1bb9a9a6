#include "model/qwen3vl_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "model/region_plan.h"
#include "nlohmann/json.hpp"
#include "tests/model/network_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::nlohmann::json;
using ::sightline::testing::Cosine;
using ::sightline::testing::ExpectReference;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenPicture;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::MaxDifference;
using ::sightline::testing::Report;
using ::sightline::testing::StatusIs;
using ::sightline::testing::TinyCheckpoint;
using ::sightline::testing::Values;

constexpr char kModel[] = "tiny-embedding";

std::string CasePath(const std::string& name) { return "tiny-embedding/cases/emb_" + name; }

std::vector<std::string> Strings(const json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return {value.get<std::string>()};
  return value.get<std::vector<std::string>>();
}

EncodeInput CaseInput(const std::string& name) {
  const json input = GoldenJson(CasePath(name) + ".json")["input"];
  EncodeInput out;
  out.instruction = input.value("instruction", "");
  for (const std::string& path : Strings(input.value("image", json()))) {
    out.images.push_back(GoldenPicture(path));
  }
  VideoFrames video;
  for (const std::string& path : Strings(input.value("video", json()))) {
    video.frames.push_back(GoldenPicture(path));
  }
  if (!video.frames.empty()) out.videos.push_back(std::move(video));
  out.texts = Strings(input.value("text", json()));
  return out;
}

std::vector<float> CaseEmbedding(const std::string& name) {
  return Values<float>(*GoldenTensors(CasePath(name) + ".safetensors"), "embedding");
}

bool HasVideo(const std::string& name) { return name.rfind("video", 0) == 0; }

std::unique_ptr<Encoder> TinyEncoder(const std::string& dtype = "float32") {
  return std::make_unique<Qwen3VlEncoder>(TinyCheckpoint(kModel, dtype));
}

std::vector<std::string> AllCases() { return GoldenJson(CasePath("all") + ".json")["order"]; }

TEST(Qwen3VlEncoderTest, EmbedsEveryKindOfInputAsTheReferenceDoes) {
  const auto encoder = TinyEncoder();
  for (const std::string& name : AllCases()) {
    const EncodeInput input = CaseInput(name);
    ASSERT_OK_AND_ASSIGN(const auto found, encoder->Encode({&input, 1}, 0, {}));
    ExpectReference(found.front(), CaseEmbedding(name), HasVideo(name) ? 2e-3 : 1e-5,
                    HasVideo(name) ? "embeddings with video" : "embeddings", name);
  }
}

TEST(Qwen3VlEncoderTest, ABatchOfMixedLengthsGivesWhatItsItemsGiveAlone) {
  const auto encoder = TinyEncoder();
  const std::vector<std::string> names = AllCases();
  std::vector<EncodeInput> inputs;
  for (const std::string& name : names) inputs.push_back(CaseInput(name));
  ASSERT_OK_AND_ASSIGN(const auto found, encoder->Encode(inputs, 0, {}));
  ASSERT_EQ(found.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    ExpectReference(found[i], CaseEmbedding(names[i]), HasVideo(names[i]) ? 2e-3 : 1e-5,
                    HasVideo(names[i]) ? "embeddings with video" : "embeddings, one batch",
                    names[i]);
  }
}

TEST(Qwen3VlEncoderTest, ShortensAndNormalisesAgain) {
  const auto encoder = TinyEncoder();
  const auto golden = GoldenTensors(CasePath("mrl") + ".safetensors");
  const std::vector<std::string> names = AllCases();
  for (const int dimension : {32, 48}) {
    const auto expected = Values<float>(*golden, "embeddings_" + std::to_string(dimension));
    for (size_t i = 0; i < names.size(); ++i) {
      if (HasVideo(names[i])) continue;
      const EncodeInput input = CaseInput(names[i]);
      ASSERT_OK_AND_ASSIGN(const auto found, encoder->Encode({&input, 1}, dimension, {}));
      const auto row = expected.begin() + static_cast<std::ptrdiff_t>(i) * dimension;
      ExpectReference(found.front(), {row, row + dimension}, 1e-5, "embeddings, shortened",
                      names[i]);
    }
  }
}

TEST(Qwen3VlEncoderTest, SixteenBitsPointTheSameWay) {
  for (const std::string dtype : {"bfloat16", "float16"}) {
    const auto encoder = TinyEncoder(dtype);
    EXPECT_EQ(encoder->info().dtype, dtype);
    for (const std::string& name : AllCases()) {
      const EncodeInput input = CaseInput(name);
      ASSERT_OK_AND_ASSIGN(const auto found, encoder->Encode({&input, 1}, 0, {}));
      const double cosine = Cosine(found.front(), CaseEmbedding(name));
      Report(dtype + " embeddings, 1 - cosine", 1 - cosine);
      EXPECT_GE(cosine, 0.999) << dtype << " " << name;
    }
  }
}

TEST(Qwen3VlEncoderTest, APictureSeenBeforeGivesTheSameVector) {
  const auto encoder = TinyEncoder();
  const EncodeInput input = CaseInput("image_text");
  ASSERT_OK_AND_ASSIGN(const auto first, encoder->Encode({&input, 1}, 0, {}));
  ASSERT_OK_AND_ASSIGN(const auto second, encoder->Encode({&input, 1}, 0, {}));
  EXPECT_EQ(first, second);
}

TEST(Qwen3VlEncoderTest, PicturesWithEqualBytesAndOtherShapesDiffer) {
  const auto encoder = TinyEncoder();
  auto wide = std::make_shared<Image>(Image{150, 30, 3, std::vector<uint8_t>(150 * 30 * 3)});
  for (size_t i = 0; i < wide->pixels.size(); ++i) wide->pixels[i] = static_cast<uint8_t>(i * 7);
  auto tall = std::make_shared<Image>(Image{30, 150, 3, wide->pixels});
  const std::vector<EncodeInput> inputs = {
      {.instruction = {}, .videos = {}, .images = {wide}, .texts = {}},
      {.instruction = {}, .videos = {}, .images = {tall}, .texts = {}}};
  ASSERT_OK_AND_ASSIGN(const auto found, encoder->Encode(inputs, 0, {}));
  EXPECT_GT(MaxDifference(found[0], found[1]), 1e-3);
}

TEST(Qwen3VlEncoderTest, NoInputsGiveNoVectors) {
  ASSERT_OK_AND_ASSIGN(const auto found, TinyEncoder()->Encode({}, 0, {}));
  EXPECT_TRUE(found.empty());
}

TEST(Qwen3VlEncoderTest, RefusesWhatItCannotEmbed) {
  const auto encoder = TinyEncoder();
  const auto encode = [&](EncodeInput input, int dimension) {
    return encoder->Encode({&input, 1}, dimension, {}).status();
  };
  EncodeInput text;
  text.texts = {"fine"};
  EXPECT_THAT(encode(text, -1), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(encode(text, 97), StatusIs(absl::StatusCode::kInvalidArgument));
  EncodeInput broken;
  broken.texts = {"\xff\xfe"};
  EXPECT_THAT(encode(broken, 0), StatusIs(absl::StatusCode::kInvalidArgument));
  EncodeInput thread;
  thread.images = {std::make_shared<Image>(Image{1000, 1, 3, std::vector<uint8_t>(3000)})};
  EXPECT_THAT(encode(thread, 0), StatusIs(absl::StatusCode::kInvalidArgument));
  EncodeInput book;
  for (int i = 0; i < 5000; ++i) book.texts.push_back("x y ");
  EXPECT_THAT(encode(book, 0), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Qwen3VlEncoderTest, ControlTokensInATextAreWords) {
  const auto encoder = TinyEncoder();
  ASSERT_OK_AND_ASSIGN(const int plain, encoder->CountTokens("<|im_end|>"));
  EXPECT_GT(plain, 1);
}

TEST(Qwen3VlEncoderTest, APassedDeadlineOrACancelledCallIsNotStarted) {
  const auto encoder = TinyEncoder();
  EncodeInput input;
  input.texts = {"late"};
  CallOptions late;
  late.deadline = absl::Now() - absl::Seconds(1);
  EXPECT_THAT(encoder->Encode({&input, 1}, 0, late), StatusIs(absl::StatusCode::kDeadlineExceeded));
  CallOptions cancelled;
  cancelled.cancel = std::make_shared<absl::Notification>();
  cancelled.cancel->Notify();
  EXPECT_THAT(encoder->Encode({&input, 1}, 0, cancelled), StatusIs(absl::StatusCode::kCancelled));
}

TEST(Qwen3VlEncoderTest, TheFingerprintIsStableAndNamesTheWeights) {
  const std::string first = TinyEncoder()->info().fingerprint;
  EXPECT_EQ(first.size(), 64u);
  EXPECT_EQ(first, TinyEncoder("bfloat16")->info().fingerprint);
  EXPECT_NE(first, Qwen3VlEncoder(TinyCheckpoint("tiny-dense")).info().fingerprint);
}

// A picture of 6 x 4 cells of 32 pixels.
ImagePtr GradientPicture() {
  auto image = std::make_shared<Image>();
  image->width = 192;
  image->height = 128;
  for (int y = 0; y < image->height; ++y) {
    for (int x = 0; x < image->width; ++x) {
      for (const int value : {x, 2 * y, x ^ y}) {
        image->pixels.push_back(static_cast<uint8_t>(value));
      }
    }
  }
  return image;
}

TEST(Qwen3VlEncoderTest, RegionsCoverThePictureAndAreUnitVectors) {
  const auto encoder = TinyEncoder();
  ASSERT_OK_AND_ASSIGN(const PictureRegions found,
                       encoder->EncodeRegions(GradientPicture(), 32, {}));
  EXPECT_EQ(found.regions, PlanRegions(found.rows, found.columns));
  EXPECT_GT(found.columns, found.rows);
  ASSERT_EQ(found.vectors.size(), found.regions.size());
  for (const std::vector<float>& vector : found.vectors) {
    ASSERT_EQ(vector.size(), 32u);
    EXPECT_NEAR(Cosine(vector, vector), 1, 1e-5);
  }
  EXPECT_LT(Cosine(found.vectors.front(), found.vectors.back()), 0.9999);
}

TEST(Qwen3VlEncoderTest, TheWholeOfThePictureIsItsEmbedding) {
  const auto encoder = TinyEncoder();
  EncodeInput input;
  input.images.push_back(GradientPicture());
  ASSERT_OK_AND_ASSIGN(const auto alone, encoder->Encode({&input, 1}, 0, {}));
  ASSERT_OK_AND_ASSIGN(const PictureRegions found,
                       encoder->EncodeRegions(GradientPicture(), 0, {}));
  EXPECT_LT(MaxDifference(found.whole, alone.front()), 1e-5);
}

TEST(Qwen3VlEncoderTest, RegionsAreTheSameWhateverElseIsRun) {
  const auto encoder = TinyEncoder();
  ASSERT_OK_AND_ASSIGN(const PictureRegions alone,
                       encoder->EncodeRegions(GradientPicture(), 0, {}));
  std::vector<absl::StatusOr<PictureRegions>> together(4, PictureRegions());
  std::vector<std::thread> callers;
  for (absl::StatusOr<PictureRegions>& one : together) {
    callers.emplace_back([&] { one = encoder->EncodeRegions(GradientPicture(), 0, {}); });
  }
  for (std::thread& caller : callers) caller.join();
  for (const absl::StatusOr<PictureRegions>& one : together) {
    ASSERT_THAT(one, IsOk());
    ASSERT_EQ(one->vectors.size(), alone.vectors.size());
    for (size_t i = 0; i < alone.vectors.size(); ++i) {
      EXPECT_LT(MaxDifference(one->vectors[i], alone.vectors[i]), 1e-5);
    }
  }
}

TEST(Qwen3VlEncoderTest, RegionsRefuseWhatEncodeRefuses) {
  const auto encoder = TinyEncoder();
  EXPECT_THAT(encoder->EncodeRegions(GradientPicture(), 1 << 20, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  CallOptions cancelled;
  cancelled.cancel = std::make_shared<absl::Notification>();
  cancelled.cancel->Notify();
  EXPECT_THAT(encoder->EncodeRegions(GradientPicture(), 0, cancelled),
              StatusIs(absl::StatusCode::kCancelled));
  CallOptions late;
  late.deadline = absl::Now() - absl::Seconds(1);
  EXPECT_THAT(encoder->EncodeRegions(GradientPicture(), 0, late),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace sightline::model
