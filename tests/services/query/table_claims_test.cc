#include "services/query/table_claims.h"

#include <gtest/gtest.h>

namespace sightline::query {
namespace {

constexpr char kPrices[] =
    "Price list of 2024-03-01\n"
    "| Item | Maker | Price |\n|---|---|---:|\n"
    "| Lumo mug | Brava Works | 32.50 |\n"
    "| Tovi mug | Senko Mill | 12.00 |\n"
    "| Tovi lamp | Senko Mill | 18.25 |\n"
    "All prices with 5 % tax.";

bool Says(const std::string& claim, const std::string& passage = kPrices) {
  return ContradictsTable(claim, {passage});
}

TEST(TableClaimsTest, ANumberOfAnotherRowIsFoundOut) {
  EXPECT_TRUE(Says("The Lumo mug costs 12.00."));
  EXPECT_FALSE(Says("The Lumo mug costs 32.50."));
  EXPECT_TRUE(Says("The Tovi lamp costs 12.00."));
}

TEST(TableClaimsTest, ANameOfAnotherRowIsFoundOut) {
  EXPECT_TRUE(Says("The Lumo mug is made by Senko Mill."));
  EXPECT_TRUE(Says("Brava Works makes the Tovi mug."));
  EXPECT_FALSE(Says("Senko Mill makes the Tovi mug."));
}

TEST(TableClaimsTest, SeveralRowsMayBeSpokenOf) {
  EXPECT_FALSE(Says("The Lumo mug costs 32.50 and the Tovi mug 12.00."));
  EXPECT_FALSE(Says("The Lumo mug costs 32.50, more than the 12.00 of the Tovi mug."));
}

TEST(TableClaimsTest, WhatStandsOutsideTheTableIsNoOtherRowsValue) {
  EXPECT_FALSE(Says("The Lumo mug costs 5 % more with tax."));
  EXPECT_FALSE(
      ContradictsTable("The Lumo mug costs 12.00.", {kPrices, "The Lumo mug is 12.00 in summer."}));
}

TEST(TableClaimsTest, SaysNothingWhereNoRowIsNamedOrThereIsNoTable) {
  EXPECT_FALSE(Says("Something costs 12.00."));
  EXPECT_FALSE(Says("The Lumo mug costs 12.00.", "The Lumo mug and the Tovi mug, 12.00."));
  EXPECT_FALSE(Says("", ""));
  EXPECT_FALSE(Says("The Lumo mug", "|"));
}

TEST(TableClaimsTest, RowsOfOneNameAreToldApartByTheirOtherWords) {
  const std::string stock =
      "| 货品 | 仓库 | 库存 |\n|---|---|---|\n| Lumo 椅子 | 港口 | 5 |\n| Lumo 椅子 | 山丘 | 9 |\n";
  EXPECT_FALSE(Says("山丘的 Lumo 椅子库存是 9。", stock));
  EXPECT_TRUE(Says("港口的 Lumo 椅子库存是 9。", stock));
  EXPECT_FALSE(Says("Lumo 椅子库存是 9。", stock));
}

TEST(TableClaimsTest, LinesOfWordsAndNumbersAreRows) {
  const std::string stock =
      "河边仓库\n2021-03-03\n货品 库存\nNirim 椅子\n50\nHolsen 杯子\n39\nUlhol 瓶子 495";
  EXPECT_FALSE(Says("Nirim 椅子的库存是 50。", stock));
  EXPECT_TRUE(Says("Nirim 椅子的库存是 39。", stock));
  EXPECT_TRUE(Says("Nirim 椅子的库存是 495。", stock));
  const std::string invoice =
      "Invoice 7201\nFor Leo Cole\nItem Qty Price\nLumo mug\n2\n40.25\nTovi lamp\n6\n176.65\n"
      "Total 1140.40";
  EXPECT_FALSE(Says("The quantity of the Tovi lamp on invoice 7201 is 6.", invoice));
  EXPECT_TRUE(Says("The quantity of the Tovi lamp on invoice 7201 is 2.", invoice));
  EXPECT_FALSE(Says("The total of invoice 7201 is 1140.40.", invoice));
}

TEST(TableClaimsTest, AListOfPropertiesIsSpokenOfAsAWhole) {
  const std::string head = "Invoice 7878\nAnna Klein 2025-04-13\nItem Price";
  EXPECT_FALSE(Says("Invoice 7878 is for Anna Klein.", head));
}

TEST(TableClaimsTest, LinesThatEndInOneNumberByChanceAreNoRows) {
  EXPECT_FALSE(Says("The Lumo mug is of 1850.", "The Lumo mug\nwas first made in 1850\nby hand."));
}

TEST(TableClaimsTest, RowsMayBeMonthsInChinese) {
  const std::string chart =
      "Viro Studio 销量\n|  |  |\n| --- | --- |\n| 2月 | 12 |\n| 6月 | 77 |\n| 12月 | 21 |";
  EXPECT_TRUE(Says("Viro Studio 在2月的销量是 77。", chart));
  EXPECT_TRUE(Says("Viro Studio 在12月的销量是 77。", chart));
  EXPECT_FALSE(Says("Viro Studio 在2月的销量是 12。", chart));
  EXPECT_FALSE(Says("Viro Studio 在12月的销量是 21。", chart));
}

TEST(TableClaimsTest, ANameMayBeOfCharactersThatMostlySayNothing) {
  const std::string chart = "销量\n|  |  |\n| --- | --- |\n| 马德里 | 177 |\n| 多伦多 | 828 |";
  EXPECT_TRUE(Says("Luor Works 在多伦多的销量是 177。", chart));
  EXPECT_FALSE(Says("Luor Works 在多伦多的销量是 828。", chart));
}

TEST(TableClaimsTest, WeekdaysAreMondayToFriday) {
  const std::string hours =
      "Open\n|  |  |\n| --- | --- |\n| Mon-Fri | 8:00-20:30 |\n| Saturday | 10:00-17:30 |";
  EXPECT_TRUE(Says("The shop is open 10:00-17:30 on weekdays.", hours));
  EXPECT_FALSE(Says("The shop is open 8:00-20:30 on weekdays.", hours));
}

TEST(TableClaimsTest, TheMostAndTheLeastAreFoundOut) {
  const std::string chart =
      "Tamimo bottle: units sold\n|  |  |\n| --- | --- |\n| April | 120 |\n| May | 1,040 |\n| June "
      "| 98 |";
  EXPECT_TRUE(Says("The Tamimo bottle sold best in April.", chart));
  EXPECT_FALSE(Says("The Tamimo bottle sold best in May.", chart));
  EXPECT_TRUE(Says("The fewest sold were those of May.", chart));
  EXPECT_FALSE(Says("The fewest sold were those of June.", chart));
  EXPECT_FALSE(Says("Most Tamimo bottles sold in April were red.", chart));
  // Of something else.
  EXPECT_FALSE(Says("The best weather for the bottle is in April.", chart));
  const std::string chinese =
      "Senbiro 靴子 销量\n|  |  |\n| --- | --- |\n| 9月 | 12 |\n| 10月 | 77 |";
  EXPECT_TRUE(Says("Senbiro 靴子销量最高的月份是9月。", chinese));
  EXPECT_FALSE(Says("Senbiro 靴子销量最高的月份是10月。", chinese));
}

TEST(TableClaimsTest, AnEscapedBarEndsNoCell) {
  EXPECT_TRUE(Says("The a|b costs 2.", "| Item | Price |\n|--|--|\n| a\\|b | 1 |\n| cd | 2 |"));
}

}  // namespace
}  // namespace sightline::query
