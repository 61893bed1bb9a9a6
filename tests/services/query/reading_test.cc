#include "services/query/reading.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
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

  PictureReadings ReadingsOf(model::Generator& generator, int64_t cache_bytes = 1 << 20) {
    return PictureReadings(
        generator,
        [this](const index::Passage&, absl::Time) -> absl::StatusOr<ImagePtr> {
          if (image_ == nullptr) return absl::NotFoundError("none");
          return image_;
        },
        cache_bytes);
  }
  // Of a claim that cites pictures on which these words stand, and `more`.
  Verdict WhereItSays(const std::vector<std::string>& words, const std::string& claim,
                      const std::vector<index::Passage>& more = {}) {
    std::vector<index::Passage> cited;
    for (size_t i = 0; i < words.size(); ++i) {
      cited.push_back(picture_);
      cited.back().blob_hash = absl::StrCat(i);
    }
    cited.insert(cited.end(), more.begin(), more.end());
    std::vector<const index::Passage*> pointers;
    for (const index::Passage& passage : cited) pointers.push_back(&passage);
    reads_ = 0;
    return JudgeByReading(
        claim, pointers, scorer_,
        [&](const index::Passage& passage, bool, const edge::CallLimits&) {
          ++reads_;
          return absl::StatusOr<std::string>(words.at(std::stoul(passage.blob_hash)));
        },
        limits_);
  }

  index::Passage picture_;
  std::shared_ptr<Image> image_;
  edge::CallLimits limits_;
  EntailmentScorer scorer_;
  int reads_ = 0;
};

TEST_F(ReadingTest, AClaimIsHeldAgainstWhatThePictureSays) {
  const std::string claim = "The Orsen cup costs 3.50.";
  EXPECT_EQ(WhereItSays({"Orsen cup\nPrice 3.50"}, claim), Verdict::kSupported);
  EXPECT_TRUE(Fails(WhereItSays({"Orsen cup\nPrice 9.75"}, claim)));
  EXPECT_TRUE(Fails(WhereItSays({"Pelo cup\nPrice 3.50"}, claim)));
  EXPECT_EQ(WhereItSays({"Orsen 杯子\n价格 3.50"}, "Orsen 杯子的价格是 3.50 元。"),
            Verdict::kSupported);
  EXPECT_TRUE(Fails(WhereItSays({"Orsen 杯子\n价格 9.75"}, "Orsen 杯子的价格是 3.50 元。")));
}

TEST_F(ReadingTest, WhatIsCitedIsTakenTogether) {
  const std::string claim = "The Orsen cup costs 3.50 and the Pelo cup 9.75.";
  EXPECT_EQ(WhereItSays({"Orsen cup 3.50", "Pelo cup 9.75"}, claim), Verdict::kSupported);
  EXPECT_TRUE(Fails(WhereItSays({"Orsen cup 3.50", "Mije cup 9.75"}, claim)));
  // Beside a text, of which one half is from.
  index::Passage text;
  text.text = "The Pelo cup costs 9.75.";
  EXPECT_EQ(WhereItSays({"Orsen cup 3.50"}, claim, {text}), Verdict::kSupported);
  EXPECT_TRUE(Fails(WhereItSays({"Orsen cup 3.80"}, claim, {text})));
}

TEST_F(ReadingTest, NothingIsReadForWhatTextsSupport) {
  index::Passage text;
  text.text = "The Orsen cup costs 3.50.";
  EXPECT_EQ(WhereItSays({"Pelo cup 9.75"}, "The Orsen cup costs 3.50.", {text}),
            Verdict::kSupported);
  EXPECT_EQ(reads_, 0);
}

TEST_F(ReadingTest, WordsTellNothingOfWhatIsSeen) {
  EXPECT_EQ(WhereItSays({"There is no text."}, "A red car stands at a wall."), Verdict::kUnchecked);
  EXPECT_EQ(reads_, 0);
}

TEST_F(ReadingTest, WhatDoesNotReadLikeSomethingWrittenRefusesNothing) {
  EXPECT_EQ(WhereItSays({"There is no text."}, "2 people stand beside a car."),
            Verdict::kUnchecked);
  EXPECT_EQ(reads_, 1);
  EXPECT_TRUE(Fails(WhereItSays({"Car\nfor 5 people"}, "2 people stand beside a car.")));
}

TEST_F(ReadingTest, WhatARerankerSawAndRefusedStaysRefused) {
  scorer_ = [](const std::string&, std::span<const index::Passage* const>,
               const edge::CallLimits&) { return absl::StatusOr<float>(0.02f); };
  EXPECT_EQ(WhereItSays({"Orsen cup 3.50"}, "The Orsen cup costs 3.50."), Verdict::kUnsupported);
  EXPECT_EQ(WhereItSays({""}, "The Orsen cup costs 3.50."), Verdict::kUnsupported);
  // Beside a text that lacks the number the gates refuse first, which the words of a picture mend.
  index::Passage text;
  text.text = "The Orsen cup is white.";
  scorer_ = nullptr;
  EXPECT_EQ(WhereItSays({"Orsen cup 3.50"}, "The Orsen cup costs 3.50.", {text}),
            Verdict::kSupported);
  EXPECT_EQ(WhereItSays({""}, "The Orsen cup costs 3.50.", {text}), Verdict::kUnsupported);
}

TEST_F(ReadingTest, HeadingsAloneRefuseNothing) {
  picture_.heading = "Results";
  EXPECT_EQ(WhereItSays({""}, "The Orsen cup costs 3.50."), Verdict::kUnchecked);
}

TEST_F(ReadingTest, APageBesideItsOwnWordsIsNotRead) {
  picture_.kind = index::PassageKind::kPage;
  picture_.document_id = "list.pdf";
  picture_.page = 3;
  index::Passage text;
  text.document_id = "list.pdf";
  text.page = 3;
  text.text = "The Orsen cup costs 3.80.";
  EXPECT_TRUE(Fails(WhereItSays({"Orsen cup 3.50"}, "The Orsen cup costs 3.50.", {text})));
  EXPECT_EQ(reads_, 0);
  text.page = 4;
  EXPECT_EQ(WhereItSays({"Orsen cup 3.50"}, "The Orsen cup costs 3.50.", {text}),
            Verdict::kSupported);
}

TEST_F(ReadingTest, WhereNothingIsReadNothingIsRefused) {
  EXPECT_EQ(WhereItSays({""}, "The Orsen cup costs 3.50."), Verdict::kUnchecked);
  EXPECT_EQ(WhereItSays({"Pelo cup 9.75", ""}, "The Orsen cup costs 3.50."), Verdict::kUnchecked);
  EXPECT_EQ(WhereItSays({"Orsen cup 3.50", ""}, "The Orsen cup costs 3.50."), Verdict::kSupported);
  EXPECT_EQ(JudgeByReading("The Orsen cup costs 3.50.", std::vector{&std::as_const(picture_)},
                           nullptr, nullptr, limits_),
            Verdict::kUnchecked);
}

TEST_F(ReadingTest, TheGeneratorReadsAPictureOnce) {
  FakeGenerator generator(std::vector<std::string>{"Orsen cup\n3.50", "Pelo cup"});
  PictureReadings readings = ReadingsOf(generator);
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const std::string words, readings.Read(picture_, false, limits_));
    EXPECT_EQ(words, "Orsen cup\n3.50");
  }
  ASSERT_EQ(generator.inputs().size(), 1u);
  const model::GenerateInput input = generator.last_input();
  ASSERT_EQ(input.messages.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<ImagePtr>(input.messages[0].parts[0]));
  EXPECT_EQ(std::get<std::string>(input.messages[0].parts[1]), "Read the text.");
  EXPECT_EQ(input.sampling.temperature, 0);
  // Asked for in the language of what it is held against.
  ASSERT_TRUE(readings.Read(picture_, true, limits_).ok());
  EXPECT_EQ(std::get<std::string>(generator.last_input().messages[0].parts[1]), "读出文字。");
  EXPECT_EQ(generator.inputs().size(), 2u);
  readings.Forget();
  ASSERT_TRUE(readings.Read(picture_, false, limits_).ok());
  EXPECT_EQ(generator.inputs().size(), 3u);
}

TEST_F(ReadingTest, WhatWasReadForOneTenantIsReadAgainForAnother) {
  FakeGenerator generator("Orsen cup");
  PictureReadings readings = ReadingsOf(generator);
  for (const char* tenant : {"", "a", "b", "a"}) {
    limits_.tenant = tenant;
    ASSERT_TRUE(readings.Read(picture_, false, limits_).ok());
  }
  EXPECT_EQ(generator.inputs().size(), 3u);
}

// Its text is never whole.
class EndlessGenerator : public FakeGenerator {
 public:
  using FakeGenerator::FakeGenerator;
  absl::StatusOr<model::GenerateResult> Generate(const model::GenerateInput& input,
                                                 const model::CallOptions& call,
                                                 const model::OnText& on_text) override {
    EXPECT_EQ(input.max_tokens, kReadingTokens);
    auto result = FakeGenerator::Generate(input, call, on_text);
    result->choices[0].finish_reason = model::FinishReason::kLength;
    return result;
  }
};

TEST_F(ReadingTest, APictureThatHoldsMoreThanIsReadIsNotJudgedByHalfOfIt) {
  EndlessGenerator generator("Orsen cup 3.50 Pelo cup 9.75");
  PictureReadings readings = ReadingsOf(generator);
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const std::string words, readings.Read(picture_, false, limits_));
    EXPECT_EQ(words, "");
  }
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

TEST_F(ReadingTest, WhatFailsIsAnErrorAndJudgesNothing) {
  FakeGenerator generator("Orsen cup 9.75");
  PictureReadings readings = ReadingsOf(generator);
  limits_.deadline = absl::InfinitePast();
  limits_.makeshift = std::make_shared<std::atomic<bool>>(false);
  EXPECT_THAT(readings.Read(picture_, false, limits_),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  const PictureWords read = [&](const index::Passage& passage, bool chinese,
                                const edge::CallLimits& limits) {
    return readings.Read(passage, chinese, limits);
  };
  EXPECT_EQ(JudgeByReading("The Orsen cup costs 3.50.", std::vector{&std::as_const(picture_)},
                           nullptr, read, limits_),
            Verdict::kUnchecked);
  EXPECT_TRUE(*limits_.makeshift);
  limits_.deadline = absl::InfiniteFuture();
}

TEST_F(ReadingTest, WhatIsNotThereSaysNothing) {
  FakeGenerator generator("Orsen cup");
  PictureReadings readings = ReadingsOf(generator);
  image_ = nullptr;
  ASSERT_OK_AND_ASSIGN(const std::string words, readings.Read(picture_, false, limits_));
  EXPECT_EQ(words, "");
  EXPECT_TRUE(generator.inputs().empty());
}

}  // namespace
}  // namespace sightline::query
