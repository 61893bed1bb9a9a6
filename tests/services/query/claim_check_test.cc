#include "services/query/claim_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NumbersInTest, ValuesHaveOneForm) {
  EXPECT_THAT(NumbersIn("1,000.50 and 007 and ３"), ElementsAre("1000.5", "3", "7"));
  EXPECT_THAT(NumbersIn("lists 3,4 and 0.0"), ElementsAre("0", "3", "4"));
  EXPECT_THAT(NumbersIn("twelve apes"), ElementsAre("12"));
}

TEST(NumbersInTest, MonthsCountOnlyBesideNumbers) {
  EXPECT_THAT(NumbersIn("12 March 2023"), ElementsAre("12", "2023", "month:3"));
  EXPECT_THAT(NumbersIn("it may march on"), IsEmpty());
}

TEST(QuotesInTest, FindsQuotesOfSeveralKinds) {
  EXPECT_THAT(QuotesIn("She said \"Red Apple,\" then “blue” and 「绿色」."),
              ElementsAre("red apple", "blue", "绿色"));
  EXPECT_THAT(QuotesIn("a 5\" disk"), IsEmpty());
}

TEST(CheckClaimTest, FactsThatOccurAreSupported) {
  const std::vector<std::string> passage = {"Invoice 4711 of 2023-03-12: total 1,250.00 euro."};
  EXPECT_EQ(CheckClaim("The total of invoice 4711 is 1250 euro.", passage), Verdict::kSupported);
  EXPECT_EQ(CheckClaim("Invoice 4711 is dated 12 March 2023.", passage), Verdict::kSupported);
}

TEST(CheckClaimTest, AForeignNumberDateOrQuoteIsUnsupported) {
  const std::vector<std::string> passage = {"Invoice 4711 of 2023-03-12: total 1,250.00 euro."};
  EXPECT_TRUE(Fails(CheckClaim("The total of invoice 4711 is 1350 euro.", passage)));
  EXPECT_EQ(CheckClaim("Invoice 4711 is dated 12 April 2023.", passage), Verdict::kUnsupported);
  EXPECT_EQ(CheckClaim("Invoice 4711 says \"paid in full\".", passage), Verdict::kUnsupported);
}

TEST(CheckClaimTest, AForeignNameIsUnsupported) {
  const std::vector<std::string> passages = {"The Lumo mug ships from the Harbor warehouse.",
                                             "Lumo 杯子从港口仓库发货。"};
  EXPECT_EQ(CheckClaim("The Lumo mug ships from the Harbor warehouse.", {passages[0]}),
            Verdict::kSupported);
  EXPECT_EQ(CheckClaim("The Nira mug ships from the Harbor warehouse.", {passages[0]}),
            Verdict::kUnsupported);
  EXPECT_EQ(CheckClaim("The Lumo mug ships from the Forest warehouse.", {passages[0]}),
            Verdict::kUnsupported);
  EXPECT_EQ(CheckClaim("Lumo 杯子从港口仓库发货。", {passages[1]}), Verdict::kSupported);
  EXPECT_EQ(CheckClaim("Nira 杯子从港口仓库发货。", {passages[1]}), Verdict::kUnsupported);
}

TEST(CheckClaimTest, TheSameSaidOfAnotherNumberIsAContradiction) {
  const std::vector<std::string> passages = {"The mill was built in 1850. It burned down in 1901.",
                                             "The bridge is 120 metres long and 9 metres wide.",
                                             "这座塔高45米。", "Bread costs $3."};
  for (const char* claim : {"The mill was built in 1950.", "The bridge is 99 metres long.",
                            "塔高99米。", "Bread costs $4."}) {
    EXPECT_EQ(CheckClaim(claim, passages), Verdict::kContradicted) << claim;
  }
  // Of something else, of another kind, or of too little to tell.
  for (const char* claim : {"The mill was sold in 1950.", "The bridge is 99 feet long.",
                            "It was in 1950.", "The tower was built in 1950."}) {
    EXPECT_EQ(CheckClaim(claim, passages), Verdict::kUnsupported) << claim;
  }
}

TEST(CheckClaimTest, SeveralPassagesSupportTogether) {
  EXPECT_EQ(CheckClaim("Mill A made 20 tons and mill B 30 tons.",
                       {"Mill A made 20 tons.", "Mill B made 30 tons."}),
            Verdict::kSupported);
}

TEST(CheckClaimTest, AClaimThatSharesNoWordsIsUnsupported) {
  EXPECT_EQ(CheckClaim("The moon is made of cheese.", {"Invoices are paid within a week."}),
            Verdict::kUnsupported);
}

TEST(CheckClaimTest, AcrossScriptsOnlyWhatCanBeCheckedIsJudged) {
  const std::vector<std::string> passage = {"发票金额为1250元，日期为2023年3月12日。"};
  EXPECT_EQ(CheckClaim("The invoice is over 1250 yuan.", passage), Verdict::kSupported);
  EXPECT_EQ(CheckClaim("The invoice is over 99 yuan.", passage), Verdict::kUnsupported);
  EXPECT_EQ(CheckClaim("The invoice has been issued.", passage), Verdict::kUnchecked);
}

TEST(CheckClaimTest, WithoutWordsNothingIsChecked) {
  EXPECT_EQ(CheckClaim("A red car.", {""}), Verdict::kUnchecked);
}

TEST(CheckClaimTest, TheNumberOfAListItemStatesNothing) {
  EXPECT_EQ(CheckClaim("7. Invoices are paid late.", {"Invoices are paid late."}),
            Verdict::kSupported);
}

TEST(CheckClaimTest, AMonthThatStandsNowhereIsUnsupported) {
  EXPECT_EQ(CheckClaim("The boot sold best in May.", {"Boots sold best in Cairo and Oslo."}),
            Verdict::kUnsupported);
  EXPECT_EQ(CheckClaim("The boot sold best in May.", {"Boots sold best in May."}),
            Verdict::kSupported);
  EXPECT_EQ(CheckClaim("The boot sold best in May.", {"Boots that sold best: 2024-05."}),
            Verdict::kSupported);
  EXPECT_EQ(CheckClaim("The boot sold best in March.", {"Boot: am besten verkauft im März."}),
            Verdict::kSupported);
  EXPECT_EQ(CheckClaim("The boot may have sold best.", {"Boots sold best in Cairo."}),
            Verdict::kSupported);
}

TEST(CheckClaimTest, ANumberInAnotherUnitIsUnsupported) {
  const std::vector<std::string> english = {"The brass lamp weighs 4 kg and costs €12.50."};
  EXPECT_EQ(CheckClaim("The brass lamp costs 12.50 euros.", english), Verdict::kSupported);
  EXPECT_EQ(CheckClaim("The brass lamp costs 12.50 dollars.", english), Verdict::kUnsupported);
  EXPECT_EQ(CheckClaim("The brass lamp weighs 4 kilograms.", english), Verdict::kSupported);
  EXPECT_EQ(CheckClaim("The brass lamp weighs 4 pounds.", english), Verdict::kUnsupported);
  const std::vector<std::string> chinese = {"铜灯售价12.5元，保修3个月。"};
  EXPECT_EQ(CheckClaim("铜灯售价12.5元。", chinese), Verdict::kSupported);
  EXPECT_EQ(CheckClaim("铜灯售价12.5美元。", chinese), Verdict::kUnsupported);
  EXPECT_EQ(CheckClaim("铜灯保修3天。", chinese), Verdict::kUnsupported);
}

TEST(CheckClaimTest, ANumberWithoutAUnitMayBeInAny) {
  EXPECT_EQ(CheckClaim("The brass lamp costs 12.50 euros.", {"| brass lamp | 12.50 |"}),
            Verdict::kSupported);
  EXPECT_EQ(
      CheckClaim("The brass lamp weighs 4 kg.", {"The brass lamp: 4 lb, or 4 kg with its box."}),
      Verdict::kSupported);
}

TEST(ClosestSentenceTest, IsTheOneThatSharesMost) {
  const std::string passage = "Cats sleep. Most invoices are paid late here. Dogs bark.";
  const std::optional<Span> found = ClosestSentence("Invoices are paid late.", passage);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(passage.substr(found->begin, found->end - found->begin),
            "Most invoices are paid late here.");
  EXPECT_FALSE(ClosestSentence("xyz", "Nothing shared.").has_value());
  EXPECT_EQ(ClosestSentence("1250", "Total of 3 lamps. They cost 1,250.00 euro.")->begin, 18u);
}

TEST(CheckClaimTest, ANumberThatIsSaidOfAnotherContradicts) {
  const std::string passage = "We have 347 Visenpu bags. The stock of the Tulor boot is 786.";
  EXPECT_EQ(CheckClaim("The stock of the Tulor boot is 347.", {passage}), Verdict::kContradicted);
  EXPECT_EQ(CheckClaim("The stock of the Tulor boot is 786.", {passage}), Verdict::kSupported);
  // Later sentences may speak of it without its name.
  EXPECT_EQ(CheckClaim("The stock of the Tulor boot is 347.",
                       {"The stock of the Tulor boot is 786. Since May it is 347."}),
            Verdict::kSupported);
  EXPECT_EQ(CheckClaim("The stock of the Tulor boot is 347.",
                       {"The stock of the Tulor boot is 786.", "Stock of May: 347 Tulor boots."}),
            Verdict::kSupported);
}

TEST(CheckClaimTest, AValueOfAnotherRowContradicts) {
  const std::string table = "| Item | Price |\n|---|---|\n| Lumo mug | 32.50 |\n| Tovi mug | 12 |";
  EXPECT_EQ(CheckClaim("The Lumo mug costs 12.", {table}), Verdict::kContradicted);
  EXPECT_EQ(CheckClaim("The Lumo mug costs 32.50.", {table}), Verdict::kSupported);
}

TEST(CheckClaimTest, ChinesePlacesAndQualifiersMustOccur) {
  EXPECT_EQ(CheckClaim("Korim Mill 位于维也纳。", {"Korim Mill 位于布拉格。"}),
            Verdict::kUnsupported);
  EXPECT_EQ(CheckClaim("Lufo 椅子从山丘仓库发货。", {"Lufo 椅子存放在港口仓库。"}),
            Verdict::kUnsupported);
  EXPECT_EQ(CheckClaim("Lufo 椅子从港口仓库发货。", {"Lufo 椅子存放在港口仓库。"}),
            Verdict::kSupported);
}

}  // namespace
}  // namespace sightline::query
