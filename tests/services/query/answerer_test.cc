#include "services/query/answerer.h"

#include <gtest/gtest.h>

#include "services/edge/error_details.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeGenerator;
using ::sightline::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;

class UntrainedGenerator : public FakeGenerator {
 public:
  UntrainedGenerator() : FakeGenerator("noise"), info_(FakeGenerator::info()) {
    info_.untrained = true;
  }
  const model::ModelInfo& info() const override { return info_; }

 private:
  model::ModelInfo info_;
};

class AnswererTest : public ::testing::Test {
 protected:
  AnswererTest() {
    request_.question.texts = {"When was the mill built?"};
    retrieved_.hits.resize(2);
    retrieved_.hits[0].passage.text = "The mill was built in 1850.";
    retrieved_.hits[1].passage.text = "The bridge is 120 metres long.";
  }

  absl::StatusOr<Answer> Write(model::Generator* generator) {
    sent_.clear();
    const Answerer answerer({}, generator, [](const index::Passage&, absl::Time) {
      return absl::StatusOr<ImagePtr>(absl::NotFoundError("none"));
    });
    const AnswerSink sink = {.on_text =
                                 [this](absl::string_view text) {
                                   sent_.append(text.data(), text.size());
                                   return sent_.size() < stop_after_;
                                 },
                             .on_citation = [](const Citation&) { return true; }};
    return answerer.Write(request_, retrieved_, limits_, sink);
  }

  AnswerRequest request_;
  Retrieved retrieved_;
  edge::CallLimits limits_;
  std::string sent_;
  size_t stop_after_ = 1 << 20;
};

TEST_F(AnswererTest, GeneratedAnswersAreStreamedAndCited) {
  FakeGenerator generator("It was built in 1850 [1].");
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "It was built in 1850 [1].");
  EXPECT_EQ(sent_, answer.text);
  EXPECT_EQ(answer.mode, AnswerMode::kGenerative);
  EXPECT_EQ(answer.finish_reason, "stop");
  EXPECT_FALSE(answer.abstained);
  ASSERT_EQ(answer.citations.size(), 1u);
  EXPECT_EQ(answer.citations[0].verdict, Verdict::kSupported);
  EXPECT_GT(answer.completion_tokens, 0);
}

TEST_F(AnswererTest, ForeignMissingAndMalformedMarkersAreHandled) {
  FakeGenerator generator("It was built in 1850 [9]. The bridge is 120 metres [2 long. Trust me.");
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "It was built in 1850. The bridge is 120 metres [2 long. Trust me.");
  EXPECT_TRUE(answer.citations.empty());
  EXPECT_THAT(answer.warnings, Contains(HasSubstr("without a citation: 3")));
}

TEST_F(AnswererTest, WrongFactsAreFlaggedOrDropped) {
  FakeGenerator generator("It was built in 1950 [1].");
  ASSERT_OK_AND_ASSIGN(const Answer flagged, Write(&generator));
  ASSERT_EQ(flagged.citations.size(), 1u);
  EXPECT_EQ(flagged.citations[0].verdict, Verdict::kUnsupported);

  request_.policy = VerdictPolicy::kDrop;
  ASSERT_OK_AND_ASSIGN(const Answer dropped, Write(&generator));
  EXPECT_TRUE(dropped.abstained);
  EXPECT_EQ(dropped.text, "The answer is not in this corpus.");
  EXPECT_EQ(sent_, dropped.text);
  EXPECT_THAT(dropped.warnings, Contains(HasSubstr("left out")));
}

TEST_F(AnswererTest, TheGeneratorsAbstentionIsRecognised) {
  FakeGenerator generator("The answer is not in this corpus. [1]");
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_TRUE(answer.abstained);
  EXPECT_EQ(answer.finish_reason, "abstained");
  EXPECT_TRUE(answer.citations.empty());
}

TEST_F(AnswererTest, WithoutHitsTheAnswerIsAnAbstention) {
  retrieved_.hits.clear();
  FakeGenerator generator("It was built in 1850 [1].");
  ASSERT_OK_AND_ASSIGN(const Answer generative, Write(&generator));
  EXPECT_TRUE(generative.abstained);
  EXPECT_TRUE(generator.last_input().messages.empty());  // never asked
  ASSERT_OK_AND_ASSIGN(const Answer extractive, Write(nullptr));
  EXPECT_TRUE(extractive.abstained);
  request_.question.texts = {"磨坊是什么时候建的？"};
  ASSERT_OK_AND_ASSIGN(const Answer chinese, Write(nullptr));
  EXPECT_EQ(chinese.text, "语料库中没有答案。");
}

TEST_F(AnswererTest, WithoutAGeneratorTheAnswerIsExtractive) {
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(nullptr));
  EXPECT_EQ(answer.mode, AnswerMode::kExtractive);
  EXPECT_EQ(answer.text, "The mill was built in 1850. [1]");
  EXPECT_EQ(sent_, answer.text);
}

TEST_F(AnswererTest, AskingForGenerationWithoutAGeneratorIsAnError) {
  request_.mode = AnswerMode::kGenerative;
  const auto answer = Write(nullptr);
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(edge::Reason(answer.status()), "no_generator");
}

TEST_F(AnswererTest, AnUntrainedGeneratorWritesOnlyWhenAskedTo) {
  UntrainedGenerator generator;
  ASSERT_OK_AND_ASSIGN(const Answer chosen, Write(&generator));
  EXPECT_EQ(chosen.mode, AnswerMode::kExtractive);
  EXPECT_THAT(chosen.warnings, Contains(HasSubstr("untrained")));
  request_.mode = AnswerMode::kGenerative;
  ASSERT_OK_AND_ASSIGN(const Answer asked, Write(&generator));
  EXPECT_EQ(asked.text, "noise");
  EXPECT_THAT(asked.warnings, Contains(HasSubstr("untrained")));
}

TEST_F(AnswererTest, AReaderThatGoesAwayStopsTheGeneration) {
  FakeGenerator generator("one two three four five six seven eight");
  stop_after_ = 5;
  EXPECT_THAT(Write(&generator), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(AnswererTest, DeadlineAndCancelReachTheGenerator) {
  FakeGenerator generator("one two");
  limits_.deadline = absl::InfinitePast();
  EXPECT_THAT(Write(&generator), StatusIs(absl::StatusCode::kDeadlineExceeded));
  limits_.deadline = absl::InfiniteFuture();
  limits_.cancel = std::make_shared<absl::Notification>();
  limits_.cancel->Notify();
  EXPECT_THAT(Write(&generator), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(AnswererTest, SamplingAndLimitsReachTheGenerator) {
  FakeGenerator generator("x");
  request_.max_tokens = 7;
  request_.stop = {"END"};
  request_.sampling.temperature = 0.0f;
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(generator.last_input().max_tokens, 7);
  EXPECT_EQ(generator.last_input().stop, std::vector<std::string>{"END"});
  EXPECT_EQ(generator.last_input().sampling.temperature, 0.0f);
  ASSERT_TRUE(std::holds_alternative<model::MarkedTextFormat>(generator.last_input().format));
  EXPECT_EQ(std::get<model::MarkedTextFormat>(generator.last_input().format).markers, 2);
}

}  // namespace
}  // namespace sightline::query
