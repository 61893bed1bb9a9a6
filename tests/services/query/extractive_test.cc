#include "services/query/extractive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Hit Passage(const std::string& text, const std::string& heading = "") {
  Hit hit;
  hit.passage.text = text;
  hit.passage.heading = heading;
  return hit;
}

QueryContent Question(const std::string& text) {
  QueryContent content;
  if (!text.empty()) content.texts.push_back(text);
  return content;
}

TEST(ExtractTest, AnswersWithTheSentenceThatHoldsTheTerms) {
  const std::vector<Hit> hits = {
      Passage(
          "The harbour opened in 1920. The lighthouse keeper was Maria Holm. Fish was sold daily."),
      Passage("The town has a market.")};
  const auto answer = Extract(Question("Who was the lighthouse keeper?"), hits, {});
  EXPECT_THAT(answer.text, HasSubstr("The lighthouse keeper was Maria Holm. [1]"));
  ASSERT_FALSE(answer.citations.empty());
  const Citation& citation = answer.citations[0];
  EXPECT_EQ(citation.marker, 1);
  EXPECT_EQ(citation.verdict, Verdict::kSupported);
  EXPECT_EQ(answer.text.substr(citation.start, citation.end - citation.start),
            "The lighthouse keeper was Maria Holm.");
}

TEST(ExtractTest, ASentenceIsCitedAtItsOwnPlace) {
  // The first sentence has all words of the second.
  std::vector<Hit> hits = {Passage("The tall keeper lit the old lamp. The keeper lit the lamp.")};
  hits[0].passage.lines = {{0, Box{0, 0, 1, 0.5f}}, {34, Box{0, 0.5f, 1, 1}}};
  const auto answer = Extract(Question("keeper lit lamp"), hits, {.max_sentences = 2});
  ASSERT_EQ(answer.citations.size(), 2u);
  for (const Citation& citation : answer.citations) {
    EXPECT_EQ(citation.snippet, answer.text.substr(citation.start, citation.end - citation.start));
    ASSERT_TRUE(citation.region.has_value());
    EXPECT_EQ(citation.region->y0, citation.snippet.size() > 30 ? 0.0f : 0.5f);
  }
}

TEST(ExtractTest, EveryCitationSpansWordsOfItsPassage) {
  const std::vector<Hit> hits = {Passage("Invoice 12 totals 90 euro. Invoice 13 totals 80 euro."),
                                 Passage("Invoice 14 totals 70 euro.")};
  const auto answer = Extract(Question("invoice totals"), hits, {});
  ASSERT_GE(answer.citations.size(), 2u);
  for (const Citation& citation : answer.citations) {
    EXPECT_THAT(hits[citation.hit].passage.text,
                HasSubstr(answer.text.substr(citation.start, citation.end - citation.start)));
  }
}

TEST(ExtractTest, ChineseQuestionsFindChineseSentences) {
  const std::vector<Hit> hits = {Passage("公司成立于1998年。发票金额为1250元。地址在上海。")};
  const auto answer = Extract(Question("发票的金额是多少？"), hits, {});
  EXPECT_EQ(answer.text, "发票金额为1250元。 [1]");
}

TEST(ExtractTest, AbstainsWhenNothingMatches) {
  const std::vector<Hit> hits = {Passage("The harbour opened in 1920.")};
  EXPECT_EQ(Extract(Question("Who painted the ceiling?"), hits, {}).text, "");
  EXPECT_EQ(Extract(Question("Who painted the ceiling?"), {}, {}).text, "");
}

TEST(ExtractTest, AbstainsWhenOnlyThePlainPartOfTheQuestionMatches) {
  const std::vector<Hit> hits = {Passage("Berlin is the capital of Germany."),
                                 Passage("Rome is the capital of Italy.")};
  EXPECT_EQ(Extract(Question("What is the capital of France?"), hits, {}).text, "");
}

TEST(ExtractTest, HeadingsCountForTheirPassage) {
  const std::vector<Hit> hits = {Passage("The price is 30 euro.", "Lighthouse tour"),
                                 Passage("The price is 90 euro.", "Ferry")};
  const auto answer = Extract(Question("price of the lighthouse tour"), hits, {});
  EXPECT_THAT(answer.text, HasSubstr("30 euro"));
  EXPECT_THAT(answer.text, Not(HasSubstr("90 euro")));
}

TEST(ExtractTest, BracketedNumbersOfTheDocumentAreTakenOut) {
  const std::vector<Hit> hits = {
      Passage("The lighthouse keeper was Maria Holm [2], as told in [17].")};
  const auto answer = Extract(Question("lighthouse keeper"), hits, {});
  EXPECT_EQ(answer.text, "The lighthouse keeper was Maria Holm, as told in. [1]");
}

TEST(ExtractTest, OverlappingPassagesGiveASentenceOnce) {
  const std::vector<Hit> hits = {Passage("The keeper was Maria."),
                                 Passage("The keeper was Maria.")};
  EXPECT_EQ(Extract(Question("keeper"), hits, {}).text, "The keeper was Maria. [1]");
}

TEST(ExtractTest, APictureAloneQuotesTheBestHitUnlessScoresMeanNothing) {
  QueryContent picture;
  picture.images.push_back(std::make_shared<Image>(Image{1, 1, 3, {0, 0, 0}}));
  const std::vector<Hit> hits = {Passage("A red car by the sea. It is parked.")};
  EXPECT_EQ(Extract(picture, hits, {}).text, "A red car by the sea. [1]");
  ExtractiveOptions untrained;
  untrained.dense_untrained = true;
  EXPECT_EQ(Extract(picture, hits, untrained).text, "");
}

}  // namespace
}  // namespace sightline::query
