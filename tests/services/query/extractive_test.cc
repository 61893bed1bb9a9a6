#include "services/query/extractive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
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

TEST(ExtractTest, ATitleIsNoAnswer) {
  const std::vector<Hit> hits = {Passage("Invoice 13\n2024-05-02\nFor Maria Holm"),
                                 Passage("Invoice 13"), Passage("Total 57.00", "Invoice 13")};
  EXPECT_EQ(Extract(Question("What is the total of invoice 13?"), hits, {}).text,
            "Invoice 13 — Total 57.00 [3]");
  EXPECT_EQ(Extract(Question("Invoice 13"), {&hits[1], 1}, {}).text, "");
  // Nor a sentence, unless it says yes.
  const std::vector<Hit> notice = {Passage("This is notice 7. The mug costs 1.50.")};
  EXPECT_EQ(Extract(Question("What does the mug of notice 7 cost?"), notice, {}).text,
            "This is notice 7. [1] The mug costs 1.50. [1]");
  const std::vector<Hit> part = {Passage("It is red. The part number is zq7.")};
  EXPECT_EQ(Extract(Question("Which part number is zq7?"), part, {.max_sentences = 1}).text,
            "The part number is zq7. [1]");
  EXPECT_EQ(Extract(Question("Is this notice 7?"), notice, {.max_sentences = 1}).text,
            "This is notice 7. [1]");
}

TEST(ExtractTest, ARowIsQuotedWithItsColumnsAndUnderItsHeading) {
  std::vector<Hit> hits = {Passage(
      "| Item | Price |\n| --- | --- |\n| Tall mug | 3.50 |\n| Small mug | 2.50 |", "Orsen Forge")};
  hits[0].passage.lines = {{0, {}}, {34, Box{0, 0.2f, 1, 0.3f}}, {54, Box{0, 0.4f, 1, 0.5f}}};
  const auto answer = Extract(Question("What does the tall mug of Orsen Forge cost?"), hits, {});
  EXPECT_EQ(answer.text, "Orsen Forge — Item: Tall mug, Price: 3.50 [1]");
  ASSERT_EQ(answer.citations.size(), 1u);
  EXPECT_EQ(answer.citations[0].snippet, "| Tall mug | 3.50 |");
  EXPECT_EQ(answer.citations[0].region->y0, 0.2f);
}

TEST(ExtractTest, OfALongHeadingTheInnermostIsQuoted) {
  const std::vector<Hit> hits = {Passage("Mug\n3.50", std::string(150, 'x') + " > Prices"),
                                 Passage("Jug\n4.50", std::string(150, 'y'))};
  EXPECT_EQ(Extract(Question("price of the mug"), hits, {}).text, "Prices — Mug · 3.50 [1]");
  EXPECT_EQ(Extract(Question("jug"), hits, {}).text, "Jug · 4.50 [2]");
}

TEST(ExtractTest, ASentenceThatGoesOnIsQuotedWithTheOneBefore) {
  const std::vector<Hit> hits = {
      Passage("The Harbor warehouse holds the Luje chair. It costs 39.90. It is red.")};
  const auto answer = Extract(Question("How much does the Luje chair cost?"), hits, {});
  EXPECT_EQ(answer.text, "The Harbor warehouse holds the Luje chair. [1] It costs 39.90. [1]");
  EXPECT_EQ(answer.citations.size(), 2u);
}

TEST(ExtractTest, EachThingThatIsAskedForIsQuoted) {
  const std::vector<Hit> hits = {Passage("The Gusmini chair costs 19.90."),
                                 Passage("The Gusmini chair is sold for 19.90."),
                                 Passage("The Wexsen clock stands in Rome and costs 149.25.")};
  const auto answer =
      Extract(Question("Which costs more, the Gusmini chair or the Wexsen clock?"), hits, {});
  EXPECT_THAT(answer.text, HasSubstr("The Gusmini chair costs 19.90. [1]"));
  EXPECT_THAT(answer.text, HasSubstr("costs 149.25. [3]"));
}

TEST(ExtractTest, SeveralQuestionsInOneAreAnsweredEach) {
  const std::vector<Hit> hits = {
      Passage("The maker of the Quinvapel lamp is Zuvi Studio. It sells for 62.50."),
      Passage("The Bridge warehouse holds the Oryoul boot. It costs 50.00.")};
  EXPECT_EQ(Extract(Question("How much does the Oryoul boot cost and who is the maker of the "
                             "Quinvapel lamp?"),
                    hits, {})
                .text,
            "The Bridge warehouse holds the Oryoul boot. [2] It costs 50.00. [2] The maker of the "
            "Quinvapel lamp is Zuvi Studio. [1]");
  EXPECT_EQ(Extract(Question("Who is the maker of the Quinvapel lamp, and how much does the Luje "
                             "chair cost?"),
                    hits, {})
                .text,
            "The maker of the Quinvapel lamp is Zuvi Studio. [1]");
  EXPECT_EQ(Extract(Question("Who is the maker of the Quinvapel lamp, and for how much does the "
                             "Quinvapel lamp sell?"),
                    hits, {})
                .text,
            "The maker of the Quinvapel lamp is Zuvi Studio. [1] It sells for 62.50. [1]");
  // "It" is not to mean the lamp.
  EXPECT_EQ(Extract(Question("Which warehouse holds the Oryoul boot; who is the maker of the "
                             "Quinvapel lamp; and how much does the Oryoul boot cost?"),
                    hits, {})
                .text,
            "The Bridge warehouse holds the Oryoul boot. [2] The maker of the Quinvapel lamp is "
            "Zuvi Studio. [1] The Bridge warehouse holds the Oryoul boot. [2] It costs 50.00. [2]");
}

TEST(ExtractTest, EachOfSeveralQuestionsHasItsOwnMeaning) {
  const std::vector<Hit> hits = {
      Passage("Zuvi Studio makes the Quinvapel lamp."), Passage("The Quinvapel lamp is tall."),
      Passage("The Oryoul boot costs 50.00."), Passage("The Oryoul boot is red.")};
  std::vector<std::string> asked;
  const QuoteMeaning meaning = [&](const QueryContent& question,
                                   std::span<const std::string> texts) {
    asked.push_back(question.JoinedText());
    return std::vector<float>(texts.size(), 1);
  };
  Extract(Question("Who makes the Quinvapel lamp, and what does the Oryoul boot cost?"), hits, {},
          meaning);
  EXPECT_THAT(asked,
              ElementsAre("Who makes the Quinvapel lamp", "what does the Oryoul boot cost?"));
}

TEST(ExtractTest, WhatNamesAnotherThingIsNoAnswer) {
  const std::vector<Hit> hits = {Passage("The Bisol clock is stored in the Hill warehouse."),
                                 Passage("The Tovdar lamp is red.")};
  EXPECT_EQ(Extract(Question("Where is the Quinas clock stored?"), hits, {}).text, "");
  EXPECT_EQ(Extract(Question("How many Tovdar lamps are left?"), hits, {}).text, "");
}

TEST(ExtractTest, WordsOnTheSamePageSayWhatALineIsAbout) {
  std::vector<Hit> hits = {Passage("Price\n34.99"), Passage("Tovdar lamp"),
                           Passage("Price\n12.50")};
  hits[0].passage.document_id = hits[1].passage.document_id = "a";
  hits[2].passage.document_id = "b";
  for (Hit& hit : hits) hit.passage.page = 1;
  EXPECT_EQ(Extract(Question("price of the Tovdar lamp"), hits, {}).text, "Price · 34.99 [1]");
}

TEST(ExtractTest, TheMeaningDecidesAmongTheBest) {
  const std::vector<Hit> hits = {Passage("The Luje chair is red."),
                                 Passage("The Luje chair is big.")};
  std::vector<std::string> asked;
  const QuoteMeaning meaning = [&](const QueryContent&, std::span<const std::string> texts) {
    asked.assign(texts.begin(), texts.end());
    return std::vector<float>{0.3f, 0.9f};
  };
  EXPECT_EQ(Extract(Question("size of the Luje chair"), hits, {}, meaning).text,
            "The Luje chair is big. [2]");
  EXPECT_EQ(asked.size(), 2u);
  const QuoteMeaning unknown = [](const QueryContent&, std::span<const std::string>) {
    return std::vector<float>();
  };
  EXPECT_EQ(Extract(Question("size of the Luje chair"), hits, {}, unknown).text,
            Extract(Question("size of the Luje chair"), hits, {}).text);
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
