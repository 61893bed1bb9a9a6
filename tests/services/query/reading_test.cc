#include "services/query/reading.h"

#include <gtest/gtest.h>

#include <memory>
#include <variant>
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
    image_ = std::make_shared<Image>();
    image_->width = image_->height = 32;
    image_->pixels.assign(32 * 32 * 3, 200);
  }

  absl::StatusOr<Verdict> Judge(model::Generator& generator, const std::string& claim,
                                int pictures = 1) {
    const PictureJudge judge = GeneratorReading(
        generator,
        [this](const index::Passage&, absl::Time) -> absl::StatusOr<ImagePtr> {
          if (image_ == nullptr) return absl::NotFoundError("none");
          return image_;
        },
        options_);
    return judge(claim, std::vector<const index::Passage*>(pictures, &picture_), limits_);
  }
  Verdict WhereItReads(const std::string& read, const std::string& claim) {
    FakeGenerator generator(read);
    return Judge(generator, claim).value();
  }

  index::Passage picture_;
  std::shared_ptr<Image> image_;
  ReadingOptions options_;
  edge::CallLimits limits_;
};

TEST_F(ReadingTest, AClaimIsComparedWithWhatThePictureIsReadToSay) {
  const std::string claim = "The cup costs 3.50.";
  EXPECT_EQ(WhereItReads("The cup costs 3.50.[1]", claim), Verdict::kSupported);
  EXPECT_TRUE(Fails(WhereItReads("The cup costs 9.75.[1]", claim)));
  EXPECT_EQ(WhereItReads("The answer is not in this corpus.", claim), Verdict::kUnsupported);
  EXPECT_EQ(WhereItReads("The cup is made by Lumo House.[1]", "The cup is made by Pelo Mill."),
            Verdict::kUnsupported);
  EXPECT_EQ(WhereItReads("杯子的价格是 3.50 元。[1]", "杯子的价格是 3.50 元。"),
            Verdict::kSupported);
  EXPECT_EQ(WhereItReads("语料库中没有答案。", "杯子的价格是 3.50 元。"), Verdict::kUnsupported);
}

TEST_F(ReadingTest, SomeWordsInCommonSupportNothing) {
  EXPECT_EQ(WhereItReads("The car is red.[1]", "The car is blue."), Verdict::kUnchecked);
  EXPECT_EQ(WhereItReads("The car is blue.[1]", "The car is blue."), Verdict::kSupported);
}

TEST_F(ReadingTest, TheGeneratorSeesThePictureAndTheClaim) {
  options_.abstain_above = 0.3;
  FakeGenerator generator("x");
  ASSERT_TRUE(Judge(generator, "The cup costs 3.50.").ok());
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
  const auto format = std::get<model::MarkedTextFormat>(input.format);
  EXPECT_EQ(format.reply, "The answer is not in this corpus.");
  EXPECT_EQ(format.reply_above, 0.3);
}

TEST_F(ReadingTest, WhatWasNotShownIsNotJudged) {
  FakeGenerator generator("The answer is not in this corpus.");
  options_.prompt.max_pictures = 2;
  ASSERT_OK_AND_ASSIGN(const Verdict of_two, Judge(generator, "The cup costs 3.50.", 2));
  EXPECT_EQ(of_two, Verdict::kUnsupported);
  ASSERT_OK_AND_ASSIGN(const Verdict of_three, Judge(generator, "The cup costs 3.50.", 3));
  EXPECT_EQ(of_three, Verdict::kUnchecked);
  image_ = nullptr;
  ASSERT_OK_AND_ASSIGN(const Verdict of_none, Judge(generator, "The cup costs 3.50."));
  EXPECT_EQ(of_none, Verdict::kUnchecked);
  EXPECT_EQ(generator.inputs().size(), 1u);
}

TEST_F(ReadingTest, OnlyStillPicturesWithoutWordsAreUnread) {
  EXPECT_TRUE(IsUnread(picture_));
  index::Passage page = picture_;
  page.kind = index::PassageKind::kPage;
  EXPECT_TRUE(IsUnread(page));
  page.text = "words";
  EXPECT_FALSE(IsUnread(page));
  index::Passage video = picture_;
  video.kind = index::PassageKind::kVideoSegment;
  EXPECT_FALSE(IsUnread(video));
  EXPECT_FALSE(IsUnread(index::Passage()));
}

TEST_F(ReadingTest, ErrorsOfTheGeneratorAreErrorsOfTheJudge) {
  FakeGenerator generator("The cup costs 9.75.[1]");
  limits_.deadline = absl::InfinitePast();
  EXPECT_THAT(Judge(generator, "The cup costs 3.50."),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace sightline::query
