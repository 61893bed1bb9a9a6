#include "services/query/quotes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> Texts(const std::string& text) {
  std::vector<std::string> out;
  for (const Quote& quote : QuotesOf(text, 600)) out.push_back(quote.text);
  return out;
}

TEST(QuotesTest, SentencesAreQuotedWordForWord) {
  const std::string text = "The mill was built in 1850. It burnt\tdown [3]. Then\nit was rebuilt.";
  const std::vector<Quote> quotes = QuotesOf(text, 600);
  ASSERT_THAT(quotes, SizeIs(4));
  EXPECT_EQ(quotes[0].text, "The mill was built in 1850.");
  EXPECT_EQ(quotes[1].text, "It burnt down.");
  EXPECT_EQ(text.substr(quotes[1].span.begin, quotes[1].span.end - quotes[1].span.begin),
            "It burnt\tdown [3].");
  EXPECT_EQ(quotes[1].kind, Quote::Kind::kSentence);
  EXPECT_FALSE(quotes[0].goes_on);
  EXPECT_TRUE(quotes[1].goes_on);
  EXPECT_EQ(quotes[2].kind, Quote::Kind::kFragment) << "of another line";
  EXPECT_FALSE(quotes[3].goes_on);
}

TEST(QuotesTest, RowsHaveTheNamesOfTheirColumns) {
  EXPECT_THAT(Texts("| Item | Price |\n| --- | --- |\n| Mug | 3.50 |\n| Lamp \\| red |  |"),
              ElementsAre("Item: Mug, Price: 3.50", "Item: Lamp | red"));
  EXPECT_THAT(Texts("|  |  |\n| --- | --- |\n| Mug | 3.50 |"), ElementsAre("Mug: 3.50"));
  EXPECT_THAT(Texts("|  |  |  |\n| --- | --- | --- |\n| Mug | 3.50 | 7 |"),
              ElementsAre("Mug, 3.50, 7"));
  EXPECT_THAT(Texts("| 货品 | 价格 |\n| --- | --- |\n| 杯子 | 3.50 |"),
              ElementsAre("货品：杯子，价格：3.50"));
  // Without a head.
  EXPECT_THAT(Texts("| Mug | 3.50 |\n| Jug | 4.50 |"), ElementsAre("Mug: 3.50", "Jug: 4.50"));
  EXPECT_EQ(QuotesOf("| a | b |", 600).front().kind, Quote::Kind::kRow);
}

TEST(QuotesTest, LinesWithoutAMarkStandTogether) {
  const std::string text = "Komita table\nPrice\n2.00\nThe price is low.\nSold";
  const std::vector<Quote> quotes = QuotesOf(text, 600);
  ASSERT_THAT(quotes, SizeIs(3));
  EXPECT_EQ(quotes[0].text, "Komita table · Price · 2.00");
  EXPECT_EQ(quotes[0].kind, Quote::Kind::kFragment);
  EXPECT_EQ(quotes[0].span.begin, 0u);
  EXPECT_EQ(quotes[0].span.end, text.find("\nThe"));
  EXPECT_EQ(quotes[2].text, "Sold");
  // Not more than fit, and long ones not at all.
  std::string many;
  for (int i = 0; i < 20; ++i) many += "a line of thirty characters....x\n";
  for (const Quote& quote : QuotesOf(many, 600)) EXPECT_LE(quote.span.end - quote.span.begin, 240u);
  EXPECT_THAT(Texts("Short\n" + std::string(90, 'x') + "\nShort"), SizeIs(3));
}

TEST(QuotesTest, WhatIsTooLongIsCutAtAWord) {
  const std::vector<Quote> quotes = QuotesOf("one two three four five six seven eight.", 20);
  ASSERT_THAT(quotes, SizeIs(1));
  EXPECT_EQ(quotes[0].text, "one two three four …");
  EXPECT_THAT(QuotesOf(std::string(50, 'x') + ".", 20)[0].text, EndsWith(" …"));
}

TEST(QuotesTest, NothingIsQuotedOfNothing) {
  EXPECT_THAT(Texts(""), IsEmpty());
  EXPECT_THAT(Texts(" \n--\n| --- |\n[3]"), IsEmpty());
}

}  // namespace
}  // namespace sightline::query
