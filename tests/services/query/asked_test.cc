#include "services/query/asked.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sightline::query {
namespace {

using ::testing::ElementsAre;

class AskedTest : public ::testing::Test {
 protected:
  Asked Ask(const std::string& question, const std::vector<std::string>& places) {
    places_.clear();
    for (const std::string& place : places) places_.push_back(TermsOf(place));
    std::vector<const TermSet*> pointers;
    for (const TermSet& place : places_) pointers.push_back(&place);
    return {question, pointers};
  }

  std::vector<TermSet> places_;
};

TEST(QuestionsInTest, ClausesThatAskAndNameSomethingStandAlone) {
  EXPECT_THAT(QuestionsIn("Who makes the Luje chair, and how much does the Tovdar lamp cost?"),
              ElementsAre("Who makes the Luje chair", "how much does the Tovdar lamp cost?"));
  EXPECT_THAT(QuestionsIn("Luje 椅子的厂家是谁，Tovdar 台灯卖多少钱？"),
              ElementsAre("Luje 椅子的厂家是谁", "Tovdar 台灯卖多少钱"));
  EXPECT_THAT(
      QuestionsIn("Who runs Orsen? What is in invoice 7, and when was Luje Forge founded?"),
      ElementsAre("Who runs Orsen", "What is in invoice 7", "when was Luje Forge founded?"));
  EXPECT_THAT(QuestionsIn("Who runs Orsen?\nWhat is in invoice 7?"),
              ElementsAre("Who runs Orsen", "What is in invoice 7?"));
}

TEST(QuestionsInTest, WhatBelongsTogetherIsNotParted) {
  for (const char* const text :
       {"", "and , and ", "Who makes the Luje chair?", "Where do Anna and Bert live?",
        "Which costs more, the Luje chair or the Tovdar lamp?", "椅子的厂家是谁，卖多少钱？",
        // Names, lists, dates.
        "Who runs Smith and Sons, and where is Orsen?",
        "Who makes the Luje chair, the Tovdar lamp and the Bisol clock, and where is Orsen Forge?",
        "What was signed on May 5, 2020, and who signed it for Orsen?",
        // What leans on what was named before.
        "Who makes the Luje chair and when was it founded?",
        "Who makes the Luje chair and which two colours does it come in?",
        "Who ran Orsen Forge in 2020, and who in 2021?",
        "How much did the Luje chair cost in 2020, and how much in 2024?",
        "Who founded Orsen Forge and what did he do in Leeds?",
        "For the Luje chair, what is the price and what is the stock in the Hill warehouse?",
        "对于 Luje 椅子，价格是多少，Hill 仓库有多少库存？",
        // Clauses about what stands before them.
        "When did Anna Brook, who founded Orsen Forge, move to Leeds?",
        "In which city is Luje Forge, which was founded in 1920?"}) {
    EXPECT_THAT(QuestionsIn(text), ElementsAre(text));
  }
}

TEST(QuestionsInTest, ManyQuestionsAreOne) {
  std::string four, five;
  for (int i = 0; i < 5; ++i) {
    absl::StrAppend(i < 4 ? &four : &five, "Who runs Orsen", i, "? ");
  }
  EXPECT_EQ(QuestionsIn(four).size(), 4u);
  EXPECT_EQ(QuestionsIn(absl::StrCat(four, five)).size(), 1u);
  std::string endless;
  for (int i = 0; i < 4000; ++i) endless += "who 2; ";
  EXPECT_THAT(QuestionsIn(endless), ElementsAre(endless));
}

TEST_F(AskedTest, RareWordsNamesAndNumbersCountMore) {
  const Asked asked = Ask("Which lamp stands in the tower of Orsen?",
                          {"a lamp", "a lamp", "a tower", "a lamp in Orsen"});
  EXPECT_EQ(asked.Held(TermsOf("the lamp stands in the tower of Orsen")), 1);
  EXPECT_EQ(asked.Held(TermsOf("nothing of it")), 0);
  EXPECT_GT(asked.Held(TermsOf("tower")), asked.Held(TermsOf("lamp")));
  EXPECT_GT(asked.Held(TermsOf("orsen")), 1.5 * asked.Held(TermsOf("tower")));
}

TEST_F(AskedTest, AWordThatStandsNowhereCountsAsOneThatDoes) {
  const std::vector<std::string> places = {"invoice 12", "invoice 13", "invoice 14"};
  const Asked asked = Ask("customer of invoice 13", places);
  EXPECT_GT(asked.Held(TermsOf("invoice 13")), 0.7);
  // Not where the words are all there is.
  const Asked plain = Ask("who invented the telephone", {"invented names", "a name", "a word"});
  EXPECT_LT(plain.Held(TermsOf("invented names")), 0.5);
  const Asked form = Ask("who makes the tall mug", {"the tall mug is made", "a tall jug", "a mug"});
  EXPECT_GT(form.Held(TermsOf("the tall mug is made")), 0.5);
  // Nor a name: the capital of another country is no answer.
  const Asked named = Ask("the capital of France", {"capital of Italy", "capital of Spain"});
  EXPECT_LT(named.Held(TermsOf("capital of Italy")), 0.5);
}

TEST_F(AskedTest, ChineseCharactersOfTwoWordsCountOnlyWhereTheyStand) {
  const Asked asked = Ask("时钟还剩多少？", {"时钟的库存", "台灯"});
  const Asked without = Ask("时钟 还剩", {"时钟的库存", "台灯"});
  EXPECT_EQ(asked.Held(TermsOf("时钟")), without.Held(TermsOf("时钟")));
}

TEST_F(AskedTest, NeighbouringCapitalsAreOneThing) {
  const Asked asked = Ask("How much did Orsen Forge sell in Lisbon in 2021?",
                          {"Orsen Forge", "Darul Forge", "Lisbon 2021"});
  EXPECT_EQ(asked.entities(), 3u);
  EXPECT_TRUE(asked.HoldsEntity(TermsOf("Orsen Forge"), 0));
  EXPECT_FALSE(asked.HoldsEntity(TermsOf("Darul Forge"), 0));
  EXPECT_TRUE(asked.HoldsEntity(TermsOf("in Lisbon"), 1));
  EXPECT_FALSE(asked.is_joined());
  EXPECT_FALSE(asked.HoldsEnoughEntities(TermsOf("Orsen Forge 2021")));
  EXPECT_TRUE(asked.HoldsEnoughEntities(TermsOf("Orsen Forge Lisbon 2021")));
}

TEST_F(AskedTest, OfThingsThatAreJoinedOneIsEnough) {
  for (const char* question : {"Which is older, Orsen or Lisbon?", "who built Orsen and Lisbon",
                               "Orsen 和 Lisbon 哪个更大？"}) {
    const Asked asked = Ask(question, {"Orsen", "Lisbon"});
    EXPECT_TRUE(asked.is_joined()) << question;
    EXPECT_TRUE(asked.HoldsEnoughEntities(TermsOf("Orsen"))) << question;
    EXPECT_FALSE(asked.HoldsEnoughEntities(TermsOf("Madrid"))) << question;
  }
  EXPECT_TRUE(Ask("what is it", {"a"}).HoldsEnoughEntities(TermsOf("a")));
}

TEST_F(AskedTest, ACommaWithinANumberJoinsNothing) {
  EXPECT_FALSE(Ask("How many Tovdar lamps cost 1,000 euros?", {"a"}).is_joined());
  EXPECT_FALSE(Ask("Orsen 在和平路 12 号吗？", {"a"}).is_joined());
  EXPECT_TRUE(Ask("What costs 1,000 euros, and where is Orsen?", {"a"}).is_joined());
}

TEST_F(AskedTest, WhereAnAmountIsAskedForItMustBeANewOne) {
  const Asked asked = Ask("How many lamps did shop 12 sell in March?", {"a"});
  EXPECT_FALSE(asked.LacksAmount("Shop 12 sold 40 lamps."));
  EXPECT_FALSE(asked.LacksAmount("Shop 12 sold forty lamps."));
  EXPECT_FALSE(asked.LacksAmount("Shop 12 sold no lamp."));
  EXPECT_TRUE(Ask("How many lamps did both shops sell?", {"a"}).LacksAmount("Both sell lamps."));
  EXPECT_TRUE(asked.LacksAmount("Shop 12 sells lamps in March."));
  EXPECT_TRUE(Ask("台灯多少钱？", {"a"}).LacksAmount("台灯在仓库。"));
  EXPECT_FALSE(Ask("台灯多少钱？", {"a"}).LacksAmount("台灯十五元。"));
  EXPECT_TRUE(Ask("仓库里有几个台灯？", {"a"}).LacksAmount("台灯在仓库。"));
  EXPECT_FALSE(Ask("茶几在哪里？", {"a"}).LacksAmount("茶几在仓库。"));
  for (const char* question : {"Who sold lamps?", "When do the ferries leave?",
                               "Who made the Orsen lamp and how many Tovdar mugs are left?"}) {
    EXPECT_FALSE(Ask(question, {"a"}).LacksAmount("At noon, from the pier.")) << question;
  }
}

TEST_F(AskedTest, ATitleSaysNoMoreThanTheQuestion) {
  const Asked asked = Ask("What is the total of invoice 13?", {"a"});
  EXPECT_FALSE(asked.SaysMore("Invoice 13"));
  EXPECT_TRUE(asked.SaysMore("Invoice 13, for Maria"));
  EXPECT_TRUE(asked.is_open());
  EXPECT_TRUE(Ask("谁制造台灯？", {"a"}).is_open());
  EXPECT_FALSE(Ask("Is the lamp red?", {"a"}).is_open());
  EXPECT_FALSE(Ask("茶几是红色的吗？", {"a"}).is_open());
  EXPECT_FALSE(Ask("lighthouse keeper", {"a"}).is_open());
}

}  // namespace
}  // namespace sightline::query
