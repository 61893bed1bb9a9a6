#include "services/query/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> WordsOf(const std::string& text) {
  std::vector<std::string> out;
  for (const Span& span : SplitWords(text))
    out.push_back(text.substr(span.begin, span.end - span.begin));
  return out;
}

TEST(WordsTest, PunctuationAndWhiteSpaceLieBetweenWords) {
  EXPECT_THAT(WordsOf("A red mug, 12.50 (it's new!)\n"),
              ElementsAre("A", "red", "mug", "12.50", "it's", "new"));
}

TEST(WordsTest, ChineseIsCutIntoWords) {
  EXPECT_THAT(WordsOf("红色陶瓷杯子，白色"), ElementsAre("红色", "陶瓷", "杯子", "白色"));
}

TEST(WordsTest, SpansAreBytesOfTheText) {
  const std::vector<Span> spans = SplitWords("é ü");
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[1].begin, 3u);
  EXPECT_EQ(spans[1].end, 5u);
}

TEST(WordsTest, TextWithoutWordsHasNone) {
  EXPECT_THAT(WordsOf(""), IsEmpty());
  EXPECT_THAT(WordsOf(" ?! "), IsEmpty());
}

}  // namespace
}  // namespace sightline::query
