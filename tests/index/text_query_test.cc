#include "index/text_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/text_analyzer.h"

namespace sightline::index {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(TextQueryTest, MarksMakePhrasesAndTheirWordsStayWords) {
  const TextQuery query = ParseTextQuery("red \"old boat\" at \"sea\"");
  EXPECT_THAT(query.phrases, ElementsAre("old boat", "sea"));
  EXPECT_THAT(query.prefixes, IsEmpty());
  EXPECT_EQ(query.words, "red  old boat  at  sea ");
  EXPECT_THAT(ParseTextQuery("请找\"检索系统\"的文档").phrases, ElementsAre("检索系统"));
}

TEST(TextQueryTest, MarksThatMakeNoPhraseArePlainText) {
  for (const char* text :
       {"an \"open mark", "5\" and 6\" pipes", "\"\"", "\" \"", "\"over\nlines\"", "", "\""}) {
    const TextQuery query = ParseTextQuery(text);
    EXPECT_THAT(query.phrases, IsEmpty()) << text;
    EXPECT_EQ(query.words, text);
  }
  EXPECT_THAT(ParseTextQuery("\"\" \"a b\"").phrases, ElementsAre("a b"));
}

TEST(TextQueryTest, AStarBehindTwoCharactersMakesAPrefix) {
  const TextQuery query = ParseTextQuery("lumin* at 检索* night");
  EXPECT_THAT(query.prefixes, ElementsAre("lumin", "检索"));
  EXPECT_EQ(query.words, " at  night");
}

TEST(TextQueryTest, OtherStarsArePlainText) {
  for (const char* text : {"l*", "检*", "*", "**bold**", "*lean*", "a*b", "2 * 3"}) {
    const TextQuery query = ParseTextQuery(text);
    EXPECT_THAT(query.prefixes, IsEmpty()) << text;
    EXPECT_EQ(query.words, text);
  }
  EXPECT_THAT(ParseTextQuery("\"lumin* light\"").prefixes, IsEmpty());
}

std::vector<std::string> WithoutFunctionWords(const std::string& text, bool others = false) {
  static const TextAnalyzer* const analyzer = TextAnalyzer::Create()->release();
  std::vector<std::string> terms = *analyzer->Terms(text);
  DropFunctionWords(text, others, terms);
  std::erase_if(terms, [](const std::string& term) { return IsPair(term); });
  return terms;
}

TEST(TextQueryTest, WordsThatSayNothingGo) {
  EXPECT_THAT(WithoutFunctionWords("Who is the customer of invoice 4553?"),
              ElementsAre("customer", "invoice", "4553"));
  EXPECT_THAT(WithoutFunctionWords("发票的金额是多少？"), ElementsAre("发票", "金额"));
  EXPECT_THAT(WithoutFunctionWords("多模态检索"), Contains("检索"));
}

TEST(TextQueryTest, WordsThatSayNothingStayWhereTheyAreAllThereIs) {
  EXPECT_THAT(WithoutFunctionWords("to be or not to be"), SizeIs(6));
  EXPECT_THAT(WithoutFunctionWords("to be or not to be", true), IsEmpty());
  EXPECT_THAT(WithoutFunctionWords("the who"), ElementsAre("the", "who"));
}

TEST(TextQueryTest, CapitalsAreNamesNotFunctionWords) {
  EXPECT_THAT(WithoutFunctionWords("can US exports help us"),
              ElementsAre("us", "exports", "help", "us"));
  EXPECT_THAT(WithoutFunctionWords("what is vitamin A"), ElementsAre("vitamin", "a"));
  EXPECT_THAT(WithoutFunctionWords("A dog"), ElementsAre("dog"));
  EXPECT_THAT(WithoutFunctionWords("What can I do? A dog"), ElementsAre("dog"));
}

}  // namespace
}  // namespace sightline::index
