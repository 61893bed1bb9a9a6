#include "services/query/answer_filter.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFirst[] = "Ask ann@example.org or bob@example.org [1].";
constexpr char kSecond[] = " It is open [2].";
constexpr char kMasked[] = "Ask [email] or [email] [1]. It is open [2].";

// Writes two sentences in pieces of `piece_bytes`, each with its citation behind it.
AnswerWriter TwoSentences(size_t piece_bytes) {
  return [=](const AnswerSink& sink) -> absl::StatusOr<Answer> {
    Answer answer;
    answer.mode = AnswerMode::kGenerative;
    answer.finish_reason = "stop";
    answer.completion_tokens = 7;
    int marker = 0;
    for (const std::string sentence : {kFirst, kSecond}) {
      const size_t start = answer.text.size() + marker;  // the second begins behind a space
      for (size_t at = 0; at < sentence.size(); at += piece_bytes) {
        const std::string piece = sentence.substr(at, piece_bytes);
        answer.text += piece;
        if (!sink.on_text(piece)) return absl::CancelledError("stopped");
      }
      const size_t end = answer.text.size() - 5;  // without " [n]."
      Citation citation;
      citation.marker = ++marker;
      citation.start = start;
      citation.end = end;
      answer.citations.push_back(citation);
      answer.sentences.push_back({.start = start, .end = end, .markers = {marker}});
      if (!sink.on_citation(answer.citations.back())) return absl::CancelledError("stopped");
    }
    return answer;
  };
}

struct Sent {
  std::string text;
  std::string reasoning;
  std::vector<Citation> citations;
  size_t most_text = 1 << 20;  // then it wants no more

  AnswerSink Sink() {
    return {.on_text =
                [this](absl::string_view piece) {
                  text.append(piece.data(), piece.size());
                  return text.size() < most_text;
                },
            .on_citation =
                [this](const Citation& citation) {
                  EXPECT_LE(citation.end, text.size()) << "a citation before its text";
                  citations.push_back(citation);
                  return true;
                },
            .on_reasoning =
                [this](absl::string_view piece) {
                  EXPECT_EQ(text, "");
                  reasoning.append(piece.data(), piece.size());
                  return true;
                }};
  }
};

std::shared_ptr<const ContentRules> Rules(absl::string_view lines) {
  return ContentRules::Parse(lines).value();
}

absl::string_view Cited(const std::string& text, const Citation& citation) {
  return absl::string_view(text).substr(citation.start, citation.end - citation.start);
}

TEST(AnswerFilterTest, MaskedAnswersKeepTheirCitationsInPlace) {
  const auto rules = Rules("mask email");
  for (size_t piece_bytes = 1; piece_bytes <= sizeof(kFirst); ++piece_bytes) {
    Sent sent;
    ASSERT_OK_AND_ASSIGN(const Answer answer, FilterAnswer(*rules, AnswerMode::kGenerative,
                                                           sent.Sink(), TwoSentences(piece_bytes)));
    ASSERT_EQ(answer.text, kMasked) << piece_bytes;
    ASSERT_EQ(sent.text, kMasked);
    ASSERT_EQ(answer.citations.size(), 2u);
    ASSERT_EQ(sent.citations.size(), 2u);
    for (const auto& citations : {answer.citations, sent.citations}) {
      EXPECT_EQ(Cited(kMasked, citations[0]), "Ask [email] or [email]");
      EXPECT_EQ(Cited(kMasked, citations[1]), "It is open");
    }
    EXPECT_EQ(answer.sentences[1].start, answer.citations[1].start);
    EXPECT_EQ(answer.sentences[1].end, answer.citations[1].end);
    EXPECT_EQ(answer.finish_reason, "stop");
    EXPECT_EQ(answer.completion_tokens, 7);
  }
}

TEST(AnswerFilterTest, ABlockedAnswerEndsBeforeTheMatch) {
  const auto rules = Rules("mask email\nblock words closed: open");
  for (const size_t piece_bytes : {1, 5, 100}) {
    Sent sent;
    ASSERT_OK_AND_ASSIGN(const Answer answer, FilterAnswer(*rules, AnswerMode::kGenerative,
                                                           sent.Sink(), TwoSentences(piece_bytes)));
    EXPECT_EQ(answer.text, "Ask [email] or [email] [1]. It is ");
    EXPECT_EQ(sent.text, answer.text);
    EXPECT_EQ(answer.finish_reason, "content_filter");
    EXPECT_EQ(answer.mode, AnswerMode::kGenerative);
    EXPECT_THAT(answer.warnings, ElementsAre(HasSubstr("content rule closed")));
    ASSERT_EQ(answer.citations.size(), 1u);
    EXPECT_EQ(sent.citations.size(), 1u);
    EXPECT_EQ(Cited(answer.text, answer.citations[0]), "Ask [email] or [email]");
  }
}

TEST(AnswerFilterTest, ABlockAtTheVeryEndCountsToo) {
  const auto rules = Rules("block regex last: \\.$");
  Sent sent;
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       FilterAnswer(*rules, AnswerMode::kGenerative, sent.Sink(), TwoSentences(4)));
  EXPECT_EQ(answer.finish_reason, "content_filter");
  EXPECT_EQ(answer.text, std::string(kFirst) + " It is open [2]");
  EXPECT_EQ(answer.sentences.size(), 2u);
  EXPECT_EQ(answer.completion_tokens, 7);
}

// Writes `json`, whose fields are cited and not in turn.
AnswerWriter Fields(const std::string& json) {
  return [=](const AnswerSink& sink) -> absl::StatusOr<Answer> {
    Answer answer;
    answer.text = json;
    sink.on_text(json);
    for (const JsonLeaf& leaf : JsonLeaves(json)) {
      FieldSupport& fields = answer.fields;
      if (fields.citations.size() > fields.unsupported.size()) {
        fields.unsupported.push_back(leaf.pointer);
        continue;
      }
      FieldCitation field = {.pointer = leaf.pointer, .citation = {}};
      field.citation.start = leaf.begin;
      field.citation.end = leaf.end;
      fields.citations.push_back(field);
      if (!sink.on_field(field)) return absl::CancelledError("stopped");
    }
    return answer;
  };
}

TEST(AnswerFilterTest, FieldsAreNamedByTheKeysThatLeft) {
  std::vector<std::string> streamed;
  Sent sent;
  AnswerSink sink = sent.Sink();
  sink.on_field = [&](const FieldCitation& field) {
    streamed.push_back(field.pointer);
    EXPECT_EQ(Cited(sent.text, field.citation), R"("open")");
    return true;
  };
  const char kJson[] = R"({"a":1,"people":{"ann@example.org":"open","bob@example.org":[true]}})";
  ASSERT_OK_AND_ASSIGN(
      const Answer answer,
      FilterAnswer(*Rules("mask email\nmask regex one: (?<=:)1"), AnswerMode::kGenerative, sink,
                   [&](const AnswerSink& to) { return Fields(kJson)(to); }));
  // The 1 is no value of JSON any more: no field can be named.
  EXPECT_EQ(answer.text, R"({"a":[one],"people":{"[email]":"open","[email]":[true]}})");
  EXPECT_TRUE(streamed.empty());
  EXPECT_TRUE(answer.fields.citations.empty());
  EXPECT_TRUE(answer.fields.unsupported.empty());

  const char kPeople[] = R"({"ann@example.org":"open","bob@example.org":[true]})";
  sent.text.clear();
  ASSERT_OK_AND_ASSIGN(
      const Answer people,
      FilterAnswer(*Rules("mask email"), AnswerMode::kGenerative, sink, Fields(kPeople)));
  EXPECT_THAT(streamed, ElementsAre("/[email]"));
  ASSERT_EQ(people.fields.citations.size(), 1u);
  EXPECT_EQ(people.fields.citations[0].pointer, "/[email]");
  EXPECT_THAT(people.fields.unsupported, ElementsAre("/[email]/0"));
}

TEST(AnswerFilterTest, ReasoningIsMaskedAndLeavesBeforeTheText) {
  const auto rules = Rules("mask email");
  Sent sent;
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       FilterAnswer(*rules, AnswerMode::kGenerative, sent.Sink(),
                                    [](const AnswerSink& sink) -> absl::StatusOr<Answer> {
                                      EXPECT_TRUE(sink.on_reasoning("see a@b."));
                                      EXPECT_TRUE(sink.on_reasoning("org"));
                                      EXPECT_TRUE(sink.on_text("Yes."));
                                      return Answer();
                                    }));
  EXPECT_EQ(sent.reasoning, "see [email]");
  EXPECT_EQ(answer.reasoning, "see [email]");
  EXPECT_EQ(answer.text, "Yes.");
}

TEST(AnswerFilterTest, ASinkThatWantsNoMoreAndARuleThatFailsEndTheWriting) {
  Sent sent;
  sent.most_text = 3;
  EXPECT_THAT(
      FilterAnswer(*Rules("mask email"), AnswerMode::kGenerative, sent.Sink(), TwoSentences(5)),
      StatusIs(absl::StatusCode::kCancelled));
  const auto long_text = [](const AnswerSink& sink) -> absl::StatusOr<Answer> {
    if (!sink.on_text(std::string(60, 'a') + "c")) return absl::CancelledError("stopped");
    return Answer();
  };
  Sent none;
  EXPECT_THAT(FilterAnswer(*Rules("mask regex slow: (a+)+b"), AnswerMode::kGenerative, none.Sink(),
                           long_text),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("slow")));
  EXPECT_EQ(none.text, "");
}

}  // namespace
}  // namespace sightline::query
