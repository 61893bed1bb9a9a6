#include "services/query/locating.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <variant>
#include <vector>

#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeGenerator;
using ::sightline::testing::StatusIs;

TEST(ParseRegionTest, ABoxIsReadInThousandths) {
  const std::optional<Box> box = ParseRegion(R"({"bbox_2d": [0, 125, 500, 1000]})");
  ASSERT_TRUE(box.has_value());
  EXPECT_FLOAT_EQ(box->x0, 0);
  EXPECT_FLOAT_EQ(box->y0, 0.125f);
  EXPECT_FLOAT_EQ(box->x1, 0.5f);
  EXPECT_FLOAT_EQ(box->y1, 1);
}

TEST(ParseRegionTest, WhatIsNoPlaceIsNone) {
  EXPECT_FALSE(ParseRegion("").has_value());
  EXPECT_FALSE(ParseRegion("nowhere").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [1, 2, 3]})").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [1, 2, 3, 1001]})").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [500, 100, 400, 200]})").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [100, 200, 300, 200]})").has_value());
  EXPECT_FALSE(ParseRegion(R"({"bbox_2d": [0, 0, 1000, 1000]})").has_value());
  EXPECT_TRUE(ParseRegion(R"({"bbox_2d": [0, 0, 1000, 900]})").has_value());
}

// Draws `likeliest`, then `guesses`, and says of each place what stands in `shown`.
class DrawingGenerator : public FakeGenerator {
 public:
  DrawingGenerator(std::string likeliest, std::vector<std::string> guesses,
                   std::map<std::string, std::string> shown)
      : FakeGenerator("x"),
        likeliest_(std::move(likeliest)),
        guesses_(std::move(guesses)),
        shown_(std::move(shown)) {}

  absl::StatusOr<model::GenerateResult> Generate(const model::GenerateInput& input,
                                                 const model::CallOptions& call,
                                                 const model::OnText& on_text) override {
    auto result = FakeGenerator::Generate(input, call, on_text);
    if (!result.ok()) return result;
    result->prompt_tokens = 10;
    const std::string& asked = std::get<std::string>(input.messages[0].parts[1]);
    for (size_t i = 0; i < result->choices.size(); ++i) {
      std::string& text = result->choices[i].text;
      if (!std::holds_alternative<model::RegexFormat>(input.format)) {
        for (const auto& [place, says] : shown_) {
          if (asked.find(place) != std::string::npos) text = says;
        }
      } else {
        text = input.sampling.temperature == 0.0f ? likeliest_ : guesses_[i % guesses_.size()];
      }
    }
    return result;
  }

 private:
  const std::string likeliest_;
  const std::vector<std::string> guesses_;
  const std::map<std::string, std::string> shown_;
};

constexpr char kLeft[] = R"({"bbox_2d": [0, 0, 400, 400]})";
constexpr char kLeftToo[] = R"({"bbox_2d": [10, 0, 400, 410]})";
constexpr char kRight[] = R"({"bbox_2d": [500, 0, 900, 400]})";

class LocateTest : public ::testing::Test {
 protected:
  LocateTest() {
    auto image = std::make_shared<Image>();
    image->width = image->height = 32;
    image->pixels.assign(32 * 32 * 3, 200);
    image_ = image;
  }
  absl::StatusOr<Located> Ask(model::Generator& generator) {
    return Locate(generator, image_, "Show me the red cup.", "the red cup", limits_);
  }
  ImagePtr image_;
  edge::CallLimits limits_;
};

TEST_F(LocateTest, ThePlaceWhereTheThingStandsIsTaken) {
  DrawingGenerator generator(kLeft, {kLeftToo, kRight},
                             {{kLeft, "the blue cup"}, {kRight, "the plain red cup"}});
  ASSERT_OK_AND_ASSIGN(const Located located, Ask(generator));
  ASSERT_EQ(located.places.size(), 2u);
  EXPECT_FLOAT_EQ(located.places[0].box.x0, 0.5f);
  EXPECT_EQ(located.places[0].says, "the plain red cup");
  EXPECT_FLOAT_EQ(located.places[0].agreement, 1);
  EXPECT_FLOAT_EQ(located.places[1].box.x0, 0);
  EXPECT_EQ(located.places[1].says, "the blue cup");
  EXPECT_LT(located.places[1].agreement, 1);
  // Greedily, the guesses together, and one question for each of two places.
  const std::vector<model::GenerateInput> asked = generator.inputs();
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[1].n, kGuesses);
  EXPECT_TRUE(asked[1].sampling.seed.has_value());
  EXPECT_EQ(std::get<std::string>(asked[2].messages[0].parts[1]),
            ShownRequest(/*chinese=*/false, kLeft));
  EXPECT_EQ(located.prompt_tokens, 40);
}

TEST_F(LocateTest, OfEqualPlacesTheLikeliestIsTaken) {
  DrawingGenerator generator(kLeft, {kRight}, {{kLeft, "a red cup"}, {kRight, "a red cup"}});
  ASSERT_OK_AND_ASSIGN(const Located located, Ask(generator));
  ASSERT_EQ(located.places.size(), 2u);
  EXPECT_FLOAT_EQ(located.places[0].box.x0, 0);
  DrawingGenerator silent(kLeft, {kRight}, {});
  ASSERT_OK_AND_ASSIGN(const Located unsaid, Ask(silent));
  ASSERT_EQ(unsaid.places.size(), 2u);
  EXPECT_FLOAT_EQ(unsaid.places[0].box.x0, 0);
  EXPECT_FLOAT_EQ(unsaid.places[0].agreement, 0);
}

TEST_F(LocateTest, WithoutAPlaceThereIsNone) {
  DrawingGenerator generator(R"({"bbox_2d": [500, 0, 400, 400]})", {"{}"}, {});
  ASSERT_OK_AND_ASSIGN(const Located located, Ask(generator));
  EXPECT_TRUE(located.places.empty());
  EXPECT_EQ(generator.inputs().size(), 2u);
}

TEST_F(LocateTest, ErrorsOfTheGeneratorAreErrors) {
  DrawingGenerator generator(kLeft, {kRight}, {});
  limits_.deadline = absl::InfinitePast();
  EXPECT_THAT(Ask(generator), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace sightline::query
