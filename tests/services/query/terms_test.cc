#include "services/query/terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/query/sentences.h"

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TermsTest, FormsOfAWordMeet) {
  EXPECT_EQ(Terms("Invoices"), Terms("invoice"));
  EXPECT_EQ(Terms("Companies"), Terms("company"));
  EXPECT_EQ(Terms("painted"), Terms("painting"));
  EXPECT_EQ(Terms("ＰＡＲＩＳ"), Terms("paris"));
}

TEST(TermsTest, NumbersKeepTheirPointAndLoseTheirCommas) {
  EXPECT_THAT(Terms("1,000.5 and 3."), ElementsAre("1000.5", "and", "3"));
}

TEST(TermsTest, ChineseBecomesPairs) {
  EXPECT_THAT(Terms("发票金额"), ElementsAre("发票", "票金", "金额"));
  EXPECT_THAT(Terms("A型"), ElementsAre("a", "型"));
}

TEST(ContentTermsTest, FunctionWordsAreLeftOut) {
  EXPECT_EQ(ContentTerms("What is the total of the invoice?"), ContentTerms("total invoice"));
  EXPECT_THAT(ContentTerms("发票的金额是多少？"), ElementsAre("发票", "金额"));
  EXPECT_THAT(ContentTerms("What is this?"), IsEmpty());
}

TEST(NormalisedTextTest, WidthCaseAndWhiteSpaceAreMadeEqual) {
  EXPECT_EQ(NormalisedText("  Ｆoo\n\t BAR "), "foo bar");
  EXPECT_EQ(NormalisedText("\xff"), "\xEF\xBF\xBD");
}

TEST(NormalisedTextTest, AsciiAloneIsMadeEqualAsBesideOtherLetters) {
  for (int c = 0; c < 0x80; ++c) {
    const std::string text = {'a', static_cast<char>(c), 'Z'};
    EXPECT_EQ(NormalisedText(text) + "中", NormalisedText(text + "中")) << c;
  }
}

TEST(IsMostlyCjkTest, DecidesByTheLetters) {
  EXPECT_TRUE(IsMostlyCjk("发票的金额是多少"));
  EXPECT_TRUE(IsMostlyCjk("Qwen 模型是什么时候发布的"));
  EXPECT_FALSE(IsMostlyCjk("What does 发票 mean in English?"));
  EXPECT_FALSE(IsMostlyCjk(""));
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> out;
  for (const Span& span : SplitSentences(text)) {
    out.push_back(text.substr(span.begin, span.end - span.begin));
  }
  return out;
}

TEST(SplitSentencesTest, SentencesKeepTheSpaceBehindThem) {
  EXPECT_THAT(Split("One is here. Two is there!  三在这里。四在那里。"),
              ElementsAre("One is here. ", "Two is there!  ", "三在这里。", "四在那里。"));
  EXPECT_THAT(Split(""), IsEmpty());
}

TEST(SplitSentencesTest, AbbreviationsAndInitialsEndNone) {
  EXPECT_THAT(Split("Dr. J. Smith came. See Fig. 3 for it."),
              ElementsAre("Dr. J. Smith came. ", "See Fig. 3 for it."));
}

}  // namespace
}  // namespace sightline::query
