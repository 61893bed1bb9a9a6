#include "model/pretokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Words(const Pretokenizer& pretokenizer, const std::string& text) {
  std::vector<std::string> words;
  EXPECT_THAT(pretokenizer.Split(text, [&](absl::string_view word) { words.emplace_back(word); }),
              IsOk());
  return words;
}

std::unique_ptr<Pretokenizer> Qwen() {
  auto made = Pretokenizer::Create(Pretokenizer::kQwenPattern);
  EXPECT_THAT(made, IsOk());
  return *std::move(made);
}

TEST(PretokenizerTest, SplitsWordsDigitsPunctuationAndSpaces) {
  const auto qwen = Qwen();
  EXPECT_THAT(Words(*qwen, "It's 42  apples!\n\nyes"),
              ElementsAre("It", "'s", " ", "4", "2", " ", " apples", "!\n\n", "yes"));
  EXPECT_THAT(Words(*qwen, "a   \n  b "), ElementsAre("a", "   \n", " ", " b", " "));
  EXPECT_THAT(Words(*qwen, "多模态，好"), ElementsAre("多模态", "，好"));
  EXPECT_THAT(Words(*qwen, ""), ElementsAre());
}

TEST(PretokenizerTest, WhiteSpaceIsTheUnicodeProperty) {
  const auto qwen = Qwen();
  // U+0085 and U+3000 are spaces; U+180E, U+200B and U+FEFF are not, so they lead the word on.
  EXPECT_THAT(Words(*qwen, "!\u0085!"), ElementsAre("!", "\u0085", "!"));
  EXPECT_THAT(Words(*qwen, "!\u3000!"), ElementsAre("!", "\u3000", "!"));
  for (const char* joined : {"!\u180e!", "!\u200b!", "!\ufeff!"}) {
    EXPECT_THAT(Words(*qwen, joined), ElementsAre(joined));
  }
}

TEST(PretokenizerTest, WhatThePatternLeavesOutIsAPieceOfItsOwn) {
  auto letters = Pretokenizer::Create("[a-z]+");
  ASSERT_THAT(letters, IsOk());
  EXPECT_THAT(Words(**letters, "ab12cd中"), ElementsAre("ab", "12", "cd", "中"));
}

TEST(PretokenizerTest, StepsGrowWithTheTextOnHostileText) {
  const auto qwen = Qwen();
  for (const std::string unit :
       {" ", "a", "\n", "7", " \n", "\n ", "'", "'s", "!", "\t ", "a\u0301", "\U0001F468\u200D",
        "<|im_end|>", "\u3000", " a", "中 "}) {
    SCOPED_TRACE(unit);
    std::string text;
    while (text.size() < 20000) text += unit;
    const int64_t once = qwen->CountSteps(text, int64_t{1} << 40);
    const int64_t twice = qwen->CountSteps(text + text, int64_t{1} << 40);
    EXPECT_LE(once, static_cast<int64_t>(96 * text.size()));
    EXPECT_LE(twice, once * 21 / 10 + 100);
  }
}

TEST(PretokenizerTest, RefusesPatternsThatCouldHangOrDoNotCompile) {
  const auto failed = absl::StatusCode::kFailedPrecondition;
  EXPECT_THAT(Pretokenizer::Create("(a+)+$"), StatusIs(failed, HasSubstr("steps")));
  EXPECT_THAT(Pretokenizer::Create("(?:x*)*y"), StatusIs(failed, HasSubstr("steps")));
  EXPECT_THAT(Pretokenizer::Create(".*z"), StatusIs(failed, HasSubstr("steps")));
  EXPECT_THAT(Pretokenizer::Create("(unclosed"), StatusIs(failed, HasSubstr("byte")));
  EXPECT_THAT(Pretokenizer::Create("[\\S]"), StatusIs(failed, HasSubstr("\\S")));
  EXPECT_THAT(Pretokenizer::Create(std::string(5000, 'a')), StatusIs(failed, HasSubstr("4096")));
}

}  // namespace
}  // namespace sightline::model
