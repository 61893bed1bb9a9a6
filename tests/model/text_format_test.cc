#include "model/text_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "tests/model/format_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::MasksFor;
using ::sightline::testing::TinyVocabulary;
using ::sightline::testing::WriteAtRandom;
using ::sightline::testing::Written;

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

std::vector<int32_t> Allowed(TokenConstraint& constraint, const std::vector<int32_t>& before,
                             int64_t left) {
  std::vector<float> logits(static_cast<size_t>(TinyVocabulary().logits));
  constraint.Apply(before, left, logits);
  std::vector<int32_t> out;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != kForbidden) out.push_back(static_cast<int32_t>(i));
  }
  return out;
}

// The rule taken at its word: a token may come when what it leads to is a beginning of some text.
TEST(TextFormatTest, MasksHoldExactlyTheTokensThatMayFollow) {
  const auto& vocabulary = TinyVocabulary();
  ASSERT_OK_AND_ASSIGN(const auto masks,
                       MasksFor(RegexFormat{"(user|use|an|answer|ant) ?x"}, vocabulary));
  const auto constraint = FormatMasks::NewConstraint(masks, {vocabulary.end});
  const std::string texts[] = {"userx", "user x",  "usex",     "use x", "anx",
                               "an x",  "answerx", "answer x", "antx",  "ant x"};
  std::vector<int32_t> expected;
  for (int32_t id = 0; id < vocabulary.tokenizer->size(); ++id) {
    const absl::string_view bytes = vocabulary.tokenizer->Bytes(id);
    if (bytes.empty() || vocabulary.tokenizer->IsAdded(id)) continue;
    for (const std::string& text : texts) {
      if (text.compare(0, bytes.size(), bytes.data(), bytes.size()) == 0) {
        expected.push_back(id);
        break;
      }
    }
  }
  EXPECT_GT(expected.size(), 3u);
  EXPECT_EQ(Allowed(*constraint, {}, 100), expected);
}

TEST(TextFormatTest, AddedTokensNeverComeAndTheEndOnlyBehindAWholeText) {
  const auto& vocabulary = TinyVocabulary();
  ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(RegexFormat{"[^x]*x?"}, vocabulary));
  const auto constraint = FormatMasks::NewConstraint(masks, {vocabulary.end});
  for (const int32_t id : Allowed(*constraint, {}, 100)) {
    EXPECT_TRUE(id == vocabulary.end || !vocabulary.tokenizer->IsAdded(id)) << id;
  }
  ASSERT_OK_AND_ASSIGN(const auto two, MasksFor(RegexFormat{"aa?"}, vocabulary));
  const auto open = FormatMasks::NewConstraint(two, {vocabulary.end});
  const int32_t a = *vocabulary.tokenizer->Find("a");
  EXPECT_THAT(Allowed(*open, {}, 100), ::testing::Contains(a));
  EXPECT_THAT(Allowed(*open, {}, 100), ::testing::Not(::testing::Contains(vocabulary.end)));
  EXPECT_FALSE(open->Complete(std::vector{a}));
  EXPECT_THAT(Allowed(*open, {a}, 100), ::testing::UnorderedElementsAre(a, vocabulary.end));
  EXPECT_TRUE(open->Complete(std::vector{a, a}));
}

TEST(TextFormatTest, TheLastTokensLeadToTheEnd) {
  const auto& vocabulary = TinyVocabulary();
  ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(RegexFormat{"a*bcd"}, vocabulary));
  EXPECT_EQ(masks->MinTokens(), 3);
  const auto constraint = FormatMasks::NewConstraint(masks, {vocabulary.end});
  const auto id = [&](const char* text) { return *vocabulary.tokenizer->Find(text); };
  // With three left only what brings the end nearer; with four there is room for an a.
  EXPECT_THAT(Allowed(*constraint, {}, 3), ::testing::Not(::testing::Contains(id("a"))));
  EXPECT_THAT(Allowed(*constraint, {}, 3), ::testing::Contains(id("b")));
  EXPECT_THAT(Allowed(*constraint, {}, 4), ::testing::Contains(id("a")));
}

// More states than are kept, met by two texts in turn.
TEST(TextFormatTest, ForgetsAndFindsAgain) {
  const auto& vocabulary = TinyVocabulary();
  ASSERT_OK_AND_ASSIGN(const auto masks,
                       MasksFor(RegexFormat{"([ab]|\\p{L}){0,1000}!"}, vocabulary));
  const auto one = FormatMasks::NewConstraint(masks, {vocabulary.end});
  const auto two = FormatMasks::NewConstraint(masks, {vocabulary.end});
  const int32_t a = *vocabulary.tokenizer->Find("a");
  const int32_t end = *vocabulary.tokenizer->Find("!");
  std::vector<int32_t> ids;
  for (int i = 0; i < 998; ++i) {
    ids.push_back(a);
    const auto& constraint = i % 2 == 0 ? one : two;
    ASSERT_THAT(Allowed(*constraint, ids, 10'000), ::testing::Contains(end)) << i;
  }
  ids.resize(1000, a);
  for (const auto& constraint : {one.get(), two.get()}) {
    EXPECT_EQ(Allowed(*constraint, ids, 10'000), std::vector<int32_t>{end});
  }
}

// Expressions whose deterministic automaton is huge stay within their time, and valid.
TEST(TextFormatTest, ExpressionsThatExplodeStayValid) {
  const auto& vocabulary = TinyVocabulary();
  std::mt19937_64 random(2);
  for (const char* pattern :
       {"(.*a.{40})|x", "([ab]{0,60}a[ab]{30}){1,3}", "((a?){80}(a|b)*){2}b"}) {
    ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(RegexFormat{pattern}, vocabulary));
    for (const int64_t more : {0, 5, 80}) {
      const int64_t budget = masks->MinTokens() + more;
      const Written written = WriteAtRandom(masks, vocabulary, budget, random);
      EXPECT_EQ(written.fault, "") << pattern;
      EXPECT_TRUE(testing::LetsThrough(masks, vocabulary, written.text)) << written.text;
    }
  }
}

TEST(MarkedTextTest, OnlyNumbersOfTheRangeStandInBrackets) {
  const auto& vocabulary = TinyVocabulary();
  ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(MarkedTextFormat{12}, vocabulary));
  EXPECT_EQ(masks->MinTokens(), 0);
  for (const char* text : {"", "It was built in 1850 [1].", "a [12][3] b", "塔高45米[3]。", "【2】",
                           "x[i] = [a, 1]", "[[7]]", "[ ", "[\n- one", "a [", "1] [1]", "(13)"}) {
    EXPECT_TRUE(testing::LetsThrough(masks, vocabulary, text)) << text;
  }
  for (const char* text : {"[0]", "[13]", "[1", "[1x]", "[1, 2]", "[1-3]", "[ 1]", "[-1]", "【13】",
                           "[１]", "【１】", "[[13]]", "[01]", "[1.5]"}) {
    EXPECT_FALSE(testing::LetsThrough(masks, vocabulary, text)) << text;
  }
  ASSERT_OK_AND_ASSIGN(const auto none, MasksFor(MarkedTextFormat{0}, vocabulary));
  EXPECT_TRUE(testing::LetsThrough(none, vocabulary, "a [b] 1"));
  EXPECT_FALSE(testing::LetsThrough(none, vocabulary, "[1]"));
  EXPECT_THAT(CompileFormat(MarkedTextFormat{1001}),
              testing::StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(MarkedTextTest, AMarkerIsClosedBeforeTheTokensRunOut) {
  const auto& vocabulary = TinyVocabulary();
  ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(MarkedTextFormat{3}, vocabulary));
  const auto constraint = FormatMasks::NewConstraint(masks, {vocabulary.end});
  const auto id = [&](const char* text) { return *vocabulary.tokenizer->Find(text); };
  EXPECT_THAT(Allowed(*constraint, {id("[")}, 2), ::testing::Contains(id("2")));
  EXPECT_THAT(Allowed(*constraint, {id("[")}, 1), ::testing::Not(::testing::Contains(id("2"))));
  const auto inside = FormatMasks::NewConstraint(masks, {vocabulary.end});
  EXPECT_THAT(Allowed(*inside, {id("["), id("2")}, 1), ::testing::Contains(id("]")));
  // The other closing brackets begin with one of two bytes.
  for (const int32_t token : Allowed(*inside, {id("["), id("2")}, 9)) {
    const char first = vocabulary.tokenizer->Bytes(token)[0];
    EXPECT_TRUE(first == ']' || first == '\xE3' || first == '\xEF') << token;
  }
}

TEST(TextFormatTest, TextsOnSeveralThreadsShareTheMasks) {
  const auto& vocabulary = TinyVocabulary();
  ASSERT_OK_AND_ASSIGN(const auto masks,
                       MasksFor(JsonSchemaFormat{R"({"type":"object"})"}, vocabulary));
  std::vector<std::thread> threads;
  std::vector<std::string> faults(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937_64 random(i);
      for (int run = 0; run < 10; ++run) {
        faults[i] += WriteAtRandom(masks, vocabulary, 60, random).fault;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& fault : faults) EXPECT_EQ(fault, "");
}

}  // namespace
}  // namespace sightline::model
