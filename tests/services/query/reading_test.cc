#include "services/query/reading.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeGenerator;
using ::sightline::testing::StatusIs;

class ReadingTest : public ::testing::Test {
 protected:
  ReadingTest() {
    picture_.kind = index::PassageKind::kImage;
    picture_.blob_hash = "abc";
    text_.text = "The cup costs 3.50.";
    image_ = std::make_shared<Image>();
    image_->width = image_->height = 32;
    image_->pixels.assign(32 * 32 * 3, 200);
  }

  absl::StatusOr<float> Score(FakeGenerator& generator, const std::string& claim,
                              std::vector<const index::Passage*> passages) {
    const EntailmentScorer scorer = ReadingEntailment(
        generator,
        [this](const index::Passage&, absl::Time) -> absl::StatusOr<ImagePtr> { return image_; });
    return scorer(claim, passages, limits_);
  }
  float ScoreWhereItReads(const std::string& read, const std::string& claim) {
    FakeGenerator generator(read);
    return Score(generator, claim, {&picture_}).value();
  }

  index::Passage picture_, text_;
  std::shared_ptr<Image> image_;
  edge::CallLimits limits_;
};

TEST_F(ReadingTest, AClaimIsComparedWithWhatThePictureIsReadToSay) {
  const std::string claim = "The cup costs 3.50.";
  EXPECT_GE(ScoreWhereItReads("The cup costs 3.50.[1]", claim), kEntailed);
  EXPECT_EQ(ScoreWhereItReads("The cup costs 9.75.[1]", claim), 0);
  EXPECT_EQ(ScoreWhereItReads("The answer is not in this corpus.", claim), 0);
  EXPECT_EQ(ScoreWhereItReads("The cup is made by Lumo House.[1]", "The cup is made by Pelo Mill."),
            0);
  EXPECT_GE(ScoreWhereItReads("杯子的价格是 3.50 元。[1]", "杯子的价格是 3.50 元。"), kEntailed);
  EXPECT_EQ(ScoreWhereItReads("语料库中没有答案。", "杯子的价格是 3.50 元。"), 0);
}

TEST_F(ReadingTest, TheGeneratorSeesThePictureAndTheClaim) {
  FakeGenerator generator("x");
  ASSERT_TRUE(Score(generator, "The cup costs 3.50.", {&picture_}).ok());
  const model::GenerateInput input = generator.last_input();
  std::string words;
  int pictures = 0;
  for (const model::Message& message : input.messages) {
    for (const auto& part : message.parts) {
      if (const auto* text = std::get_if<std::string>(&part)) words += *text;
      pictures += std::holds_alternative<ImagePtr>(part) ? 1 : 0;
    }
  }
  EXPECT_EQ(pictures, 1);
  EXPECT_NE(words.find(ReadingRequest("The cup costs 3.50.")), std::string::npos);
  EXPECT_EQ(input.sampling.temperature, 0);
  EXPECT_EQ(std::get<model::MarkedTextFormat>(input.format).reply,
            "The answer is not in this corpus.");
}

TEST_F(ReadingTest, WhatHasWordsIsNotReadAgain) {
  FakeGenerator generator("The cup costs 9.75.[1]");
  ASSERT_OK_AND_ASSIGN(const float score, Score(generator, "The cup costs 3.50.", {&text_}));
  EXPECT_LT(score, kEntailed);
  EXPECT_GE(score, kNotEntailed);
  EXPECT_TRUE(generator.inputs().empty());
}

TEST_F(ReadingTest, ErrorsOfTheGeneratorAreErrorsOfTheJudge) {
  FakeGenerator generator("The cup costs 9.75.[1]");
  limits_.deadline = absl::InfinitePast();
  EXPECT_THAT(Score(generator, "The cup costs 3.50.", {&picture_}),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace sightline::query
