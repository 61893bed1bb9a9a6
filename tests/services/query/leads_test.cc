#include "services/query/leads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// In a collection of a thousand texts, where each word that is not named stands in `others`.
WordCounter Counts(std::map<std::string, int64_t> holding, int64_t others = 900) {
  return [holding = std::move(holding),
          others](std::span<const std::string> words) -> absl::StatusOr<index::WordCounts> {
    index::WordCounts out = {.texts = 1000, .holding = {}};
    for (const std::string& word : words) {
      const auto at = holding.find(word);
      out.holding.push_back(at == holding.end() ? others : at->second);
    }
    return out;
  };
}

std::vector<std::string> Words(absl::string_view question, const std::vector<std::string>& passages,
                               const WordCounter& count) {
  return FindLeads(question, passages, count).value().words;
}

TEST(LeadsTest, ANameBesideWhatIsAskedAboutLeadsOn) {
  const auto count = Counts({{"quinhol", 2}, {"orsen", 4}, {"forge", 30}, {"harbor", 3}});
  const std::vector<std::string> passages = {
      "Orsen Forge makes the Quinhol vase. It ships from the Harbor warehouse.",
      "The Velmo vase ships from the Harbor warehouse.", ""};
  ASSERT_OK_AND_ASSIGN(
      const Leads leads,
      FindLeads("In which city is the maker of the Quinhol vase?", passages, count));
  EXPECT_THAT(leads.words, ElementsAre("orsen", "forge"));
  EXPECT_THAT(leads.kept, ElementsAre(true, false, true)) << "of a picture nothing is known";
}

TEST(LeadsTest, WhereTheSentenceBringsNothingInTheOthersOfThePassageDo) {
  const auto count = Counts({{"quinhol", 2}, {"orsen", 4}});
  EXPECT_THAT(Words("Where is the maker of the Quinhol vase?",
                    {"The Quinhol vase is tall. It was made by Orsen. ", "Anson makes the rest."},
                    Counts({{"quinhol", 2}, {"orsen", 4}, {"anson", 4}})),
              ElementsAre("orsen"));
}

TEST(LeadsTest, OnlyRareWordsThatStandElsewhereLead) {
  const std::vector<std::string> passages = {"Orsen makes the Quinhol vase in Vienna with Anson."};
  const auto words = [&](std::map<std::string, int64_t> holding) {
    holding["quinhol"] = 2;
    return Words("Where is the maker of the Quinhol vase?", passages, Counts(std::move(holding)));
  };
  EXPECT_THAT(words({{"orsen", 1}, {"vienna", 51}, {"anson", 50}}), ElementsAre("anson"));
  EXPECT_THAT(words({{"orsen", 2}}), ElementsAre("orsen"));
  EXPECT_THAT(words({}), IsEmpty());
}

TEST(LeadsTest, WhatAllPassagesHereHoldLeadsNowhereElse) {
  const auto count = Counts({{"quinhol", 2}, {"orsen", 2}});
  EXPECT_THAT(Words("Where is the maker of the Quinhol vase?",
                    {"Orsen makes the Quinhol vase.", "Orsen is in Vienna."}, count),
              IsEmpty());
}

TEST(LeadsTest, WordsOfTheQuestionAndLowerCaseOnesDoNotLead) {
  const auto count = Counts({{"quinhol", 2}, {"orsen", 4}, {"glazed", 4}});
  EXPECT_THAT(Words("Who makes the Quinhol vase, is it Orsen's?",
                    {"Orsen makes the glazed Quinhol vase."}, count),
              IsEmpty());
}

TEST(LeadsTest, CodesLead) {
  const auto count = Counts({{"quinhol", 2}, {"k2041", 3}, {"2041", 3}});
  EXPECT_THAT(Words("Which contract covers the Quinhol pump?",
                    {"The Quinhol pump falls under K2041 since 2041."}, count),
              ElementsAre("k2041"));
}

TEST(LeadsTest, AnUnknownNameIsNotFollowedByWhatElseIsAsked) {
  const std::map<std::string, int64_t> holding = {
      {"vase", 3}, {"quinhol", 0}, {"orsen", 4}, {"explain", 0}};
  EXPECT_THAT(Words("Where is the maker of the Quinhol vase?", {"Orsen makes the Velmo vase."},
                    Counts(holding)),
              IsEmpty());
  EXPECT_THAT(
      Words("Explain where the vase is made.", {"Orsen makes the Velmo vase."}, Counts(holding)),
      ElementsAre("orsen"))
      << "the first word has a capital anyway";
}

TEST(LeadsTest, AQuestionOfFrequentWordsIsAboutNothingThatLeads) {
  EXPECT_THAT(
      Words("Who makes vases?", {"Orsen makes vases."}, Counts({{"orsen", 4}, {"vases", 60}})),
      IsEmpty());
}

TEST(LeadsTest, ChinesePassagesLeadByPairsOfCharacters) {
  const auto count =
      Counts({{"昆荷", 2}, {"奥森", 3}, {"森工", 3}, {"工坊", 5}, {"瓶由", 6}, {"由奥", 1}});
  const std::vector<std::string> leads =
      Words("昆荷花瓶的厂家在哪个城市？", {"昆荷花瓶由奥森工坊制造。", "别的花瓶。"}, count);
  EXPECT_THAT(leads, ElementsAre("奥森", "森工", "工坊"));
  EXPECT_EQ(LeadsText(leads), "奥森工坊");
  EXPECT_EQ(LeadsText(std::vector<std::string>{"奥森", "orsen", "森工"}), "奥森 orsen 森工");
  EXPECT_THAT(LeadsIn("奥森工坊位于维也纳。", leads), ElementsAre("奥森", "森工", "工坊"));
}

TEST(LeadsTest, NamesInLatinLettersAmongChineseLead) {
  const auto count = Counts({{"quinhol", 2}, {"orsen", 4}});
  EXPECT_THAT(Words("Quinhol 花瓶的厂家在哪个城市？", {"Quinhol 花瓶由 Orsen 制造。"}, count),
              ElementsAre("orsen"));
}

TEST(LeadsTest, AtMostEightLead) {
  EXPECT_THAT(
      Words("Who made the Quinhol vase?", {"Quinhol: Aa, Bb, Cc, Dd, Ee, Ff, Gg, Hh, Kk, Ll."},
            Counts({{"quinhol", 2}}, 4)),
      ElementsAre("aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh"));
}

TEST(LeadsTest, WordsAreRareUpToATwentiethOfTheTextsAndFifty) {
  EXPECT_TRUE(IsRare(3, 4));
  EXPECT_FALSE(IsRare(4, 4));
  EXPECT_TRUE(IsRare(10, 200));
  EXPECT_FALSE(IsRare(11, 200));
  EXPECT_TRUE(IsRare(50, 1'000'000));
  EXPECT_FALSE(IsRare(51, 1'000'000));
}

TEST(LeadsTest, LeadsInATextAreWholeWords) {
  const std::vector<std::string> leads = {"orsen", "forge"};
  EXPECT_THAT(LeadsIn("ORSEN's forged gate", leads), ElementsAre("orsen"));
  EXPECT_THAT(LeadsIn("", leads), IsEmpty());
}

TEST(LeadsTest, WhatCannotBeCountedIsAnError) {
  const std::vector<std::string> passages = {"Orsen makes it."};
  EXPECT_THAT(FindLeads("Who is Orsen?", passages,
                        [](std::span<const std::string>) {
                          return absl::StatusOr<index::WordCounts>(absl::DataLossError("x"));
                        }),
              StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace sightline::query
