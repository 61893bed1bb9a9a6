#include "index/text_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::index {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace sightline::index
