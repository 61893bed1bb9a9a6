#include "ingest/segments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using ::testing::ElementsAre;

TEST(OnOneLineTest, MakesOneSpaceOfAllWhiteSpaceAndNoneAtTheEnds) {
  EXPECT_EQ(OnOneLine("  a \t b\n\nc\u00A0d  "), "a b c d");
  EXPECT_EQ(OnOneLine(std::string("a\0b", 3)), "a b");
  EXPECT_EQ(OnOneLine(" \n "), "");
}

TEST(OnOneLineTest, JoinsChineseLinesWithoutASpaceAndKeepsWrittenSpaces) {
  EXPECT_EQ(OnOneLine("这是第一\n行。下一"), "这是第一行。下一");
  EXPECT_EQ(OnOneLine("这是 一行"), "这是 一行");
  EXPECT_EQ(OnOneLine("用 GPU\n计算"), "用 GPU 计算");
}

TEST(OnOneLineTest, DropsSoftHyphensAndByteOrderMarks) {
  EXPECT_EQ(OnOneLine("\uFEFFmulti\u00ADmodal"), "multimodal");
}

TEST(OnOneLineTest, LinesBeginAtTheFirstCharacterThatIsLeftOfThem) {
  const auto begins = [](absl::string_view text, std::vector<uint32_t> at) {
    std::vector<TextLine> lines;
    for (const uint32_t begin : at) {
      lines.push_back({begin, Box{0, 0, static_cast<float>(lines.size() + 1) / 10, 1}});
    }
    OnOneLine(text, lines);
    std::vector<uint32_t> out;
    for (const TextLine& line : lines) out.push_back(line.begin);
    return out;
  };
  EXPECT_THAT(begins("  a \n bc  d", {0, 3, 8}), ElementsAre(0, 2, 5));
  EXPECT_THAT(begins("a\u00ADb\n\uFEFFc", {0, 5}), ElementsAre(0, 3));
  // Each character takes three bytes, and the break between them none.
  EXPECT_THAT(begins("这是\n行。", {0, 7}), ElementsAre(0, 6));
  EXPECT_THAT(begins("用 GPU\n计算", {0, 8}), ElementsAre(0, 8));
  // Of blank lines nothing is left.
  EXPECT_THAT(begins("a\n \nb \n ", {0, 2, 4, 7}), ElementsAre(0, 2));
  EXPECT_THAT(begins("", {}), ElementsAre());
}

TEST(SplitSentencesTest, KeepsEveryByte) {
  const std::string text = "One. Two! Three? 四。五！ six";
  ASSERT_OK_AND_ASSIGN(const auto sentences, SplitSentences(text));
  EXPECT_EQ(absl::StrJoin(sentences, ""), text);
}

TEST(SplitSentencesTest, EndsSentencesAtStopsAndMarks) {
  EXPECT_THAT(*SplitSentences("It rains. Does it? Yes!"),
              ElementsAre("It rains. ", "Does it? ", "Yes!"));
}

TEST(SplitSentencesTest, EndsChineseSentences) {
  EXPECT_THAT(*SplitSentences("今天下雨。你好吗？很好！再见"),
              ElementsAre("今天下雨。", "你好吗？", "很好！", "再见"));
}

TEST(SplitSentencesTest, DoesNotEndASentenceAfterAnAbbreviation) {
  for (const char* one :
       {"Dr. Smith came.", "See Fig. 3 for this.", "Mr. Jones and Mrs. Hall met.",
        "Birds, e.g. The Heron, fly.", "J. R. Tolkien wrote it.", "It is in the U.S. Army now.",
        "As Prof. Li (cf. Sec. 2) says.", "Siehe Abb. Vier."}) {
    EXPECT_THAT(*SplitSentences(one), ElementsAre(one));
  }
}

TEST(SplitSentencesTest, EndsASentenceAfterAWordThatOnlyEndsLikeAnAbbreviation) {
  EXPECT_THAT(*SplitSentences("We saw the beast. Then we ran."),
              ElementsAre("We saw the beast. ", "Then we ran."));
  EXPECT_THAT(*SplitSentences("It is a config. Then it ends."),
              ElementsAre("It is a config. ", "Then it ends."));
}

TEST(SplitSentencesTest, KeepsNumbersAndNamesWhole) {
  EXPECT_THAT(*SplitSentences("Pi is 3.14 today. Use example.com now."),
              ElementsAre("Pi is 3.14 today. ", "Use example.com now."));
}

TEST(SplitSentencesTest, GivesNothingForNothing) {
  EXPECT_THAT(*SplitSentences(""), ElementsAre());
}

TEST(BreakNearMiddleTest, CutsAtTheSpaceNearestToTheMiddle) {
  EXPECT_EQ(*BreakNearMiddle("aaaa bbbb cccc dddd"), 10u);
}

TEST(BreakNearMiddleTest, CutsAWordBetweenCharactersWhenItHasNoBetterPlace) {
  EXPECT_EQ(*BreakNearMiddle("aaaaaa"), 3u);
  // e + combining acute stays together.
  const std::string text = "xe\u0301";
  EXPECT_EQ(*BreakNearMiddle(text), 1u);
}

TEST(BreakNearMiddleTest, NeverCutsInsideACodePoint) {
  EXPECT_EQ(*BreakNearMiddle("多模态搜索"), 6u);
  EXPECT_EQ(*BreakNearMiddle("多"), 0u);
  EXPECT_EQ(*BreakNearMiddle("a"), 0u);
  EXPECT_EQ(*BreakNearMiddle(""), 0u);
}

TEST(BreakNearMiddleTest, CutsALongRunOfCombiningMarks) {
  std::string text = "a";
  for (int i = 0; i < 1000; ++i) text += "\u0301";
  ASSERT_OK_AND_ASSIGN(const size_t at, BreakNearMiddle(text));
  EXPECT_GT(at, 0u);
  EXPECT_LT(at, text.size());
  EXPECT_NE(static_cast<unsigned char>(text[at]) & 0xC0, 0x80);
}

}  // namespace
}  // namespace sightline::ingest
