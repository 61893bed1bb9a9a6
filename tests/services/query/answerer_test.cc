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
using ::testing::Not;

class UntrainedGenerator : public FakeGenerator {
 public:
  UntrainedGenerator() : FakeGenerator("noise"), info_(FakeGenerator::info()) {
    info_.untrained = true;
  }
  const model::ModelInfo& info() const override { return info_; }

 private:
  model::ModelInfo info_;
};

// Of a bundle that says that answers are quoted.
class ModestGenerator : public FakeGenerator {
 public:
  explicit ModestGenerator(std::string text = "written")
      : FakeGenerator(std::move(text)), info_(FakeGenerator::info()) {
    info_.quotes = true;
    info_.abstain_above = 0.25;
    info_.rereads = true;
  }
  const model::ModelInfo& info() const override { return info_; }

 private:
  model::ModelInfo info_;
};

// The words of all messages.
std::string WordsOf(const model::GenerateInput& input) {
  std::string out;
  for (const model::Message& message : input.messages) {
    for (const auto& part : message.parts) {
      if (const auto* text = std::get_if<std::string>(&part)) out += *text + "\n";
    }
  }
  return out;
}

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
    reasoned_.clear();
    fields_ = 0;
    const Answerer answerer(
        options_, generator,
        [this](const index::Passage&, absl::Time) -> absl::StatusOr<ImagePtr> {
          if (image_ == nullptr) return absl::NotFoundError("none");
          return image_;
        },
        entailment_, meaning_, read_);
    const AnswerSink sink = {.on_text =
                                 [this](absl::string_view text) {
                                   sent_.append(text.data(), text.size());
                                   return sent_.size() < stop_after_;
                                 },
                             .on_citation = [](const Citation&) { return true; },
                             .on_field =
                                 [this](const FieldCitation&) {
                                   ++fields_;
                                   return true;
                                 },
                             .on_reasoning =
                                 [this](absl::string_view text) {
                                   EXPECT_EQ(sent_, "");
                                   reasoned_.append(text.data(), text.size());
                                   return true;
                                 }};
    return answerer.Write(request_, retrieved_, limits_, sink);
  }

  AnswerOptions options_;
  AnswerRequest request_;
  Retrieved retrieved_;
  edge::CallLimits limits_;
  EntailmentScorer entailment_;
  MeaningScorer meaning_;
  PictureWords read_;
  ImagePtr image_;
  std::string sent_;
  std::string reasoned_;
  int fields_ = 0;
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

TEST_F(AnswererTest, WrongSentencesAreWrittenAgainWhenAskedTo) {
  FakeGenerator generator(std::vector<std::string>{
      "It was built in 1950 [1]. The bridge is 120 metres long [2].", "It was built in 1850 [1]."});
  request_.policy = VerdictPolicy::kRegenerate;
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "It was built in 1850 [1]. The bridge is 120 metres long [2].");
  EXPECT_EQ(sent_, answer.text);
  EXPECT_THAT(answer.warnings, Contains(HasSubstr("written again: 1")));
  const std::vector<model::GenerateInput> asked = generator.inputs();
  ASSERT_EQ(asked.size(), 2u);
  ASSERT_EQ(asked[1].messages.size(), 4u);
  EXPECT_EQ(asked[1].messages[2].role, "assistant");
  EXPECT_EQ(std::get<std::string>(asked[1].messages[2].parts[0]), "It was built in 1950 [1].");
  EXPECT_TRUE(std::holds_alternative<model::MarkedTextFormat>(asked[1].format));
}

TEST_F(AnswererTest, WhatADraftCitesIsReadAgainAlone) {
  options_.reread = true;
  FakeGenerator generator(std::vector<std::string>{"The bridge is 90 metres long [2].",
                                                   "The bridge is 120 metres long [1]. Long [2]."});
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "The bridge is 120 metres long [2]. Long.");
  EXPECT_EQ(sent_, answer.text);
  ASSERT_EQ(answer.citations.size(), 1u);
  EXPECT_EQ(answer.citations[0].marker, 2);
  EXPECT_EQ(answer.citations[0].hit, 1u);
  EXPECT_EQ(answer.citations[0].snippet, "The bridge is 120 metres long.");
  EXPECT_EQ(answer.citations[0].verdict, Verdict::kSupported);
  EXPECT_EQ(answer.completion_tokens, 7 + 9);  // of both
  EXPECT_GT(answer.draft_ms, 0);
  EXPECT_GE(answer.generate_ms, answer.draft_ms);
  const std::vector<model::GenerateInput> asked = generator.inputs();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_THAT(WordsOf(asked[0]), HasSubstr("mill was built in 1850"));
  EXPECT_THAT(WordsOf(asked[1]), Not(HasSubstr("mill was built in 1850")));
  EXPECT_THAT(WordsOf(asked[1]), HasSubstr("Passage 1:\n\nThe bridge is 120 metres long."));
  EXPECT_EQ(std::get<model::MarkedTextFormat>(asked[1].format).markers, 1);
}

TEST_F(AnswererTest, ADraftThatLeavesNoPassageOutIsTheAnswer) {
  options_.reread = true;
  for (const std::string draft :
       {"It was built in 1850 [1]. The bridge is 120 metres long [2].", "Nobody knows.",
        "The answer is not in this corpus.", "Foreign [9]."}) {
    FakeGenerator generator(std::vector<std::string>{draft, "never asked for"});
    ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
    EXPECT_EQ(answer.text, DropMarkers(draft) == "Foreign." ? "Foreign." : draft);
    EXPECT_EQ(sent_, answer.text);
    EXPECT_EQ(generator.inputs().size(), 1u);
    EXPECT_EQ(answer.draft_ms, 0);
    EXPECT_EQ(answer.completion_tokens, 1 + std::count(draft.begin(), draft.end(), ' '));
  }
}

TEST_F(AnswererTest, TheSecondReadingMayFindThatTheDraftWasWrong) {
  options_.reread = true;
  FakeGenerator generator(std::vector<std::string>{"The bridge was built in 1850 [2].",
                                                   "The answer is not in this corpus."});
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_TRUE(answer.abstained);
  EXPECT_EQ(sent_, "The answer is not in this corpus.");
  EXPECT_TRUE(answer.citations.empty());
}

// Three passages: the mill, a picture of a label and another mill.
class DraftedAnswerTest : public AnswererTest {
 protected:
  DraftedAnswerTest() {
    options_.reread = true;
    image_ =
        std::make_shared<Image>(Image{.width = 2, .height = 2, .pixels = std::vector<uint8_t>(12)});
    retrieved_.hits.resize(3);
    retrieved_.hits[0].passage.text = "The Orsen mill was built in 1850.";
    retrieved_.hits[1].passage.kind = index::PassageKind::kPage;
    retrieved_.hits[1].passage.blob_hash = "label";
    retrieved_.hits[1].passage.text.clear();
    retrieved_.hits[2].passage.text = "The Pelo mill was built in 1950.";
    read_ = [this](const index::Passage&, bool,
                   const edge::CallLimits&) -> absl::StatusOr<std::string> { return label_; };
  }
  std::string label_ = "Orsen bread\nprice 3.50";
};

TEST_F(DraftedAnswerTest, WhatADraftTookForSomethingElseIsLeftOutOfTheNext) {
  FakeGenerator generator(std::vector<std::string>{"The Orsen mill was built in 1950 [3].",
                                                   "The Orsen mill was built in 1850 [1].",
                                                   "The Orsen mill was built in 1850 [1]."});
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "The Orsen mill was built in 1850 [1].");
  const std::vector<model::GenerateInput> asked = generator.inputs();
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_THAT(WordsOf(asked[1]), HasSubstr("The Orsen mill was built in 1850."));
  EXPECT_THAT(WordsOf(asked[1]), Not(HasSubstr("The Pelo mill")));
  EXPECT_EQ(std::get<model::MarkedTextFormat>(asked[1].format).markers, 2);
  EXPECT_EQ(std::get<model::MarkedTextFormat>(asked[2].format).markers, 1);
  EXPECT_EQ(answer.completion_tokens, 3 * 8);
}

TEST_F(DraftedAnswerTest, ANextDraftThatIsNoBetterIsNotTaken) {
  FakeGenerator generator(std::vector<std::string>{"The Orsen mill was built in 1950 [3].",
                                                   "The answer is not in this corpus.",
                                                   "The Orsen mill was built in 1950 [1]."});
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "The Orsen mill was built in 1950 [3].");
  ASSERT_EQ(answer.citations.size(), 1u);
  EXPECT_EQ(answer.citations[0].verdict, Verdict::kUnsupported);
  EXPECT_EQ(generator.inputs().size(), 3u);
}

TEST_F(DraftedAnswerTest, WhatADraftMisreadIsShownInWords) {
  FakeGenerator generator(std::vector<std::string>{"The price of the Orsen bread is 8.50 [2].",
                                                   "The price of the Orsen bread is 3.50 [1]."});
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "The price of the Orsen bread is 3.50 [2].");
  ASSERT_EQ(answer.citations.size(), 1u);
  EXPECT_EQ(answer.citations[0].hit, 1u);
  EXPECT_EQ(answer.citations[0].verdict, Verdict::kSupported);
  const std::vector<model::GenerateInput> asked = generator.inputs();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_THAT(WordsOf(asked[1]), HasSubstr("Orsen bread\nprice 3.50"));
  EXPECT_THAT(WordsOf(asked[1]), Not(HasSubstr("mill was built")));
}

TEST_F(DraftedAnswerTest, WordsThatDoNotHelpGiveWayToThePicture) {
  FakeGenerator generator(std::vector<std::string>{"The price of the Orsen bread is 8.50 [2].",
                                                   "The answer is not in this corpus.",
                                                   "The price of the Orsen bread is 8.00 [1]."});
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "The price of the Orsen bread is 8.00 [2].");
  EXPECT_TRUE(Fails(answer.citations.at(0).verdict));
  EXPECT_THAT(WordsOf(generator.inputs()[2]), Not(HasSubstr("price 3.50")));
}

TEST_F(DraftedAnswerTest, DraftsEnd) {
  FakeGenerator generator("The Orsem mill was built in 1950 [1].");
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(generator.inputs().size(), 4u);  // three drafts, then the answer
}

TEST_F(AnswererTest, WhetherDraftsAreReadAgainIsTheModelsOrTheServersMatter) {
  request_.mode = AnswerMode::kGenerative;
  const auto readings = [&](FakeGenerator&& generator) {
    EXPECT_TRUE(Write(&generator).ok());
    return generator.inputs().size();
  };
  const std::string text = "It was built in 1850 [1].";
  EXPECT_EQ(readings(FakeGenerator(text)), 1u);
  EXPECT_EQ(readings(ModestGenerator(text)), 2u);
  request_.reasoning = true;  // which is a reading of its own, and cites all passages
  EXPECT_EQ(readings(ModestGenerator(text)), 2u);
  options_.reread = true;
  EXPECT_EQ(readings(ModestGenerator(text)), 2u);
  request_.reasoning = false;
  EXPECT_EQ(readings(FakeGenerator(text)), 2u);
  options_.reread = false;
  EXPECT_EQ(readings(ModestGenerator(text)), 1u);
}

TEST_F(AnswererTest, ASentenceThatIsWrittenAgainKeepsTheNumbersOfItsPrompt) {
  options_.reread = true;
  request_.policy = VerdictPolicy::kRegenerate;
  FakeGenerator generator(std::vector<std::string>{
      "The bridge is long [2].", "The bridge is 120 metres long [1]. It is 90 metres long [1].",
      "It is 120 metres long [1]."});
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "The bridge is 120 metres long [2]. It is 120 metres long [2].");
  const std::vector<model::GenerateInput> asked = generator.inputs();
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_THAT(WordsOf(asked[2]),
              HasSubstr("The bridge is 120 metres long [1]. It is 90 metres long [1]."));
  EXPECT_THAT(WordsOf(asked[2]), Not(HasSubstr("[2]")));
}

TEST_F(AnswererTest, CitedPicturesSayWhereWhenAskedTo) {
  auto image = std::make_shared<Image>();
  image->width = image->height = 32;
  image->pixels.assign(size_t{32} * 32 * 3, 255);
  image_ = image;
  index::Passage& picture = retrieved_.hits[0].passage;
  picture.kind = index::PassageKind::kImage;
  picture.blob_hash = "x";
  const std::vector<std::string> texts = {
      "It was built in 1850 [1]. The bridge is 120 metres long [2].",
      R"({"bbox_2d": [100, 0, 500, 250]})"};
  FakeGenerator generator(texts);
  ASSERT_OK_AND_ASSIGN(const Answer without, Write(&generator));
  ASSERT_EQ(without.citations.size(), 2u);
  EXPECT_FALSE(without.citations[0].region.has_value());
  EXPECT_EQ(generator.inputs().size(), 1u);

  request_.regions = true;
  FakeGenerator second(texts);
  ASSERT_OK_AND_ASSIGN(const Answer with, Write(&second));
  ASSERT_EQ(with.citations.size(), 2u);
  ASSERT_TRUE(with.citations[0].region.has_value());
  EXPECT_FLOAT_EQ(with.citations[0].region->x0, 0.1f);
  EXPECT_FLOAT_EQ(with.citations[0].region->y1, 0.25f);
  EXPECT_FALSE(with.citations[1].region.has_value());  // no picture
  EXPECT_GT(with.completion_tokens, without.completion_tokens);
  ASSERT_EQ(second.inputs().size(), 4u);  // locating.h
  const model::GenerateInput asked = second.inputs()[1];
  EXPECT_TRUE(std::holds_alternative<model::RegexFormat>(asked.format));
  ASSERT_EQ(asked.messages.size(), 1u);
  EXPECT_EQ(std::get<std::string>(asked.messages[0].parts[1]),
            "Where in the picture is this shown? It was built in 1850.");

  // What is placed already is not asked for.
  picture.box = Box{0, 0, 0.5f, 0.5f};
  FakeGenerator third(texts);
  ASSERT_OK_AND_ASSIGN(const Answer placed, Write(&third));
  EXPECT_FALSE(placed.citations[0].region.has_value());
  EXPECT_EQ(third.inputs().size(), 1u);

  // A picture that cannot be read costs its region alone.
  picture.box.reset();
  image_ = nullptr;
  FakeGenerator fourth(texts);
  ASSERT_OK_AND_ASSIGN(const Answer unread, Write(&fourth));
  ASSERT_EQ(unread.citations.size(), 2u);
  EXPECT_FALSE(unread.citations[0].region.has_value());
}

TEST_F(AnswererTest, CitedTextSaysWhereWithoutBeingAsked) {
  index::Passage& passage = retrieved_.hits[0].passage;
  passage.text = "An old mill. It was built in 1850.";
  passage.box = Box{0, 0, 1, 1};
  passage.lines = {{0, Box{0, 0, 1, 0.25f}}, {13, Box{0, 0.25f, 1, 0.5f}}};
  for (const bool asked : {false, true}) {
    request_.regions = asked;
    FakeGenerator generator(std::vector<std::string>{"It was built in 1850 [1]."});
    ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
    ASSERT_EQ(answer.citations.size(), 1u);
    ASSERT_TRUE(answer.citations[0].region.has_value());
    EXPECT_EQ(answer.citations[0].region->y0, 0.25f);
    EXPECT_EQ(answer.citations[0].region->y1, 0.5f);
    EXPECT_EQ(generator.inputs().size(), 1u);
  }
}

TEST_F(AnswererTest, TheEntailmentScorerSettlesWhatTheGatesCannot) {
  retrieved_.hits[0].passage.text = "";
  retrieved_.hits[0].passage.kind = index::PassageKind::kImage;
  FakeGenerator generator("The mill is red [1].");
  float score = 0.9f;
  entailment_ = [&](const std::string& claim, std::span<const index::Passage* const> passages,
                    const edge::CallLimits&) -> absl::StatusOr<float> {
    EXPECT_EQ(claim, "The mill is red .");
    EXPECT_EQ(passages.size(), 1u);
    return score;
  };
  ASSERT_OK_AND_ASSIGN(const Answer shown, Write(&generator));
  EXPECT_EQ(shown.citations[0].verdict, Verdict::kSupported);
  score = 0.05f;
  ASSERT_OK_AND_ASSIGN(const Answer denied, Write(&generator));
  EXPECT_EQ(denied.citations[0].verdict, Verdict::kUnsupported);
  score = 0.3f;
  ASSERT_OK_AND_ASSIGN(const Answer open, Write(&generator));
  EXPECT_EQ(open.citations[0].verdict, Verdict::kUnchecked);
  entailment_ = nullptr;
  ASSERT_OK_AND_ASSIGN(const Answer alone, Write(&generator));
  EXPECT_EQ(alone.citations[0].verdict, Verdict::kUnchecked);
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

TEST_F(AnswererTest, QuotesAreChosenByTheirMeaningUnlessItMeansNothing) {
  retrieved_.hits[1].passage.text = "The mill was built in 1920.";
  int asked = 0;
  meaning_ = [&](const QueryContent& question, std::span<const std::string> texts,
                 const edge::CallLimits&) -> absl::StatusOr<std::vector<float>> {
    EXPECT_EQ(question.texts, request_.question.texts);
    EXPECT_EQ(texts.size(), 2u);
    ++asked;
    return std::vector<float>{0.1f, 0.9f};
  };
  ASSERT_OK_AND_ASSIGN(const Answer near, Write(nullptr));
  EXPECT_EQ(near.text, "The mill was built in 1920. [2]");
  retrieved_.dense_untrained = true;
  ASSERT_OK_AND_ASSIGN(const Answer untrained, Write(nullptr));
  EXPECT_THAT(untrained.text, HasSubstr("1850"));
  EXPECT_EQ(asked, 1);
}

TEST_F(AnswererTest, WhereTheMeaningIsNotKnownWordsDecideAndTheAnswerIsNotKept) {
  retrieved_.hits[1].passage.text = "The mill was built in 1920.";
  meaning_ = [](const QueryContent&, std::span<const std::string>,
                const edge::CallLimits&) -> absl::StatusOr<std::vector<float>> {
    return absl::ResourceExhaustedError("busy");
  };
  limits_.makeshift = std::make_shared<std::atomic<bool>>(false);
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(nullptr));
  EXPECT_THAT(answer.text, HasSubstr("1850"));
  EXPECT_TRUE(*limits_.makeshift);
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

TEST_F(AnswererTest, WhereTheBundleSaysSoAnswersAreWrittenOnlyWhenAskedFor) {
  ModestGenerator generator;
  ASSERT_OK_AND_ASSIGN(const Answer chosen, Write(&generator));
  EXPECT_EQ(chosen.mode, AnswerMode::kExtractive);
  EXPECT_THAT(chosen.warnings, ::testing::IsEmpty());
  request_.mode = AnswerMode::kGenerative;
  ASSERT_OK_AND_ASSIGN(const Answer asked, Write(&generator));
  EXPECT_EQ(asked.text, "written");
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

TEST_F(AnswererTest, JsonAnswersAreOfTheirSchemaAndCiteByField) {
  FakeGenerator generator(R"({"built": 1850, "owner": "Smith", "list": [7]})");
  request_.json_schema = R"({"type":"object"})";
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  // Brackets are JSON's here, not markers.
  EXPECT_EQ(answer.text, R"({"built": 1850, "owner": "Smith", "list": [7]})");
  EXPECT_EQ(sent_, answer.text);
  ASSERT_EQ(answer.fields.citations.size(), 1u);
  EXPECT_EQ(answer.fields.citations[0].pointer, "/built");
  EXPECT_THAT(answer.fields.unsupported, ::testing::ElementsAre("/owner", "/list/0"));
  EXPECT_EQ(fields_, 1);
  const model::GenerateInput input = generator.last_input();
  ASSERT_TRUE(std::holds_alternative<model::JsonSchemaFormat>(input.format));
  EXPECT_EQ(std::get<model::JsonSchemaFormat>(input.format).schema, request_.json_schema);
  EXPECT_THAT(std::get<std::string>(input.messages[0].parts[0]), HasSubstr(request_.json_schema));

  retrieved_.hits.clear();
  ASSERT_OK_AND_ASSIGN(const Answer none, Write(&generator));
  EXPECT_TRUE(none.abstained);
}

// Thinks before each text, as a Thinking checkpoint does.
class ThinkingGenerator : public FakeGenerator {
 public:
  ThinkingGenerator() : FakeGenerator("It was built in 1850 [1].") {}
  bool thinks() const override { return true; }
  absl::StatusOr<model::GenerateResult> Generate(const model::GenerateInput& input,
                                                 const model::CallOptions& call,
                                                 const model::OnText& on_text) override {
    for (const char* text : {"Passage [1] ", "says so, [7] not."}) {
      if (!on_text({.text = text, .reasoning = true})) return absl::CancelledError("");
    }
    return FakeGenerator::Generate(input, call, on_text);
  }
};

TEST_F(AnswererTest, ReasoningIsApartFromTheAnswer) {
  request_.reasoning = true;
  FakeGenerator plain(std::vector<std::string>{"Observe: the mill, 1850 [1]. Foreign [9].",
                                               "It was built in 1850 [1]."});
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&plain));
  EXPECT_EQ(answer.reasoning, "Observe: the mill, 1850 [1]. Foreign.");
  EXPECT_EQ(reasoned_, answer.reasoning);
  EXPECT_EQ(answer.text, "It was built in 1850 [1].");
  EXPECT_EQ(answer.citations.size(), 1u);
  const std::vector<model::GenerateInput> asked = plain.inputs();
  ASSERT_EQ(asked.size(), 2u);
  ASSERT_EQ(asked[1].messages.size(), 4u);
  EXPECT_EQ(std::get<std::string>(asked[1].messages[2].parts[0]), answer.reasoning);

  ThinkingGenerator thinking;
  ASSERT_OK_AND_ASSIGN(const Answer thought, Write(&thinking));
  EXPECT_EQ(thought.reasoning, "Passage [1] says so, not.");
  EXPECT_EQ(reasoned_, thought.reasoning);
  EXPECT_EQ(thought.text, "It was built in 1850 [1].");
  EXPECT_EQ(thinking.inputs().size(), 1u);

  request_.reasoning = false;
  ASSERT_OK_AND_ASSIGN(const Answer silent, Write(&thinking));
  EXPECT_EQ(silent.reasoning, "");
  EXPECT_EQ(reasoned_, "");
  ASSERT_EQ(thinking.last_input().messages.size(), 2u);
}

TEST_F(AnswererTest, EarlierTurnsStandBeforeThePassagesAndCannotBeCited) {
  request_.question.texts = {"And when?"};
  request_.history = {{.by_user = true, .text = "Is there a mill?"},
                      {.by_user = false, .text = "Yes, there is one [7]."}};
  FakeGenerator generator("The mill was built in 1850 [1]. There is one [7].");
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(&generator));
  EXPECT_EQ(answer.text, "The mill was built in 1850 [1]. There is one.");
  const model::GenerateInput input = generator.last_input();
  ASSERT_EQ(input.messages.size(), 4u);
  EXPECT_EQ(input.messages[1].role, "user");
  EXPECT_EQ(std::get<std::string>(input.messages[1].parts[0]), "Is there a mill?");
  EXPECT_EQ(input.messages[2].role, "assistant");
  EXPECT_EQ(std::get<std::string>(input.messages[2].parts[0]), "Yes, there is one.");
  EXPECT_EQ(std::get<model::MarkedTextFormat>(input.format).markers, 2);
}

TEST_F(AnswererTest, AQuotedAnswerIsChosenByTheQuestionThatStandsAlone) {
  request_.question.texts = {"And when was it?"};
  request_.stand_alone.emplace();
  request_.stand_alone->texts = {"mill And when was it?"};
  ASSERT_OK_AND_ASSIGN(const Answer answer, Write(nullptr));
  EXPECT_EQ(answer.text, "The mill was built in 1850. [1]");
}

TEST_F(AnswererTest, WhatDoesNotGoWithASchemaIsRefused) {
  FakeGenerator generator("{}");
  request_.json_schema = "{}";
  EXPECT_EQ(edge::Reason(Write(nullptr).status()), "no_generator");
  request_.stop = {"x"};
  EXPECT_THAT(Write(&generator), StatusIs(absl::StatusCode::kInvalidArgument));
  request_.stop.clear();
  request_.policy = VerdictPolicy::kDrop;
  EXPECT_THAT(Write(&generator), StatusIs(absl::StatusCode::kInvalidArgument));
  request_.policy = VerdictPolicy::kFlag;
  request_.mode = AnswerMode::kExtractive;
  EXPECT_THAT(Write(&generator), StatusIs(absl::StatusCode::kInvalidArgument));
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

TEST_F(AnswererTest, TheAbstentionIsPreferredAsTheModelOrTheServerSays) {
  const auto format = [&](ModestGenerator& generator) {
    request_.mode = AnswerMode::kGenerative;
    EXPECT_TRUE(Write(&generator).ok());
    return std::get<model::MarkedTextFormat>(generator.last_input().format);
  };
  ModestGenerator generator;
  EXPECT_EQ(format(generator).reply, "The answer is not in this corpus.");
  EXPECT_EQ(format(generator).reply_above, 0.25);
  options_.abstain_above = 0.5;
  EXPECT_EQ(format(generator).reply_above, 0.5);
  request_.question.texts = {"磨坊是什么时候建的？"};
  EXPECT_EQ(format(generator).reply, "语料库中没有答案。");
}

}  // namespace
}  // namespace sightline::query
