#include "services/query/direction.h"

#include <gtest/gtest.h>

#include "services/query/claim_check.h"

namespace sightline::query {
namespace {

TEST(DirectionTest, AClaimIsHeldAgainstItsOwnValues) {
  for (const char* claim :
       {"On 2021-04-18 the price of the mug was 152.74, on 2023-08-02 it was 174.50: it fell.",
        "On 2023-08-02 the price of the mug was 174.50, on 2021-04-18 it was 152.74: it fell.",
        "The price was $9.50 in 2019 and $12.00 in 2021, so it fell.",
        "Sales rose from 1,200 to 900.",
        "In 2019 it cost 9 euros, in 2021 12 euros, so it went down.",
        "Prices went down from €3 to €3.",
        "Yokas 桌子的价格在 2024-02-11 是 7.25 元，在 2024-07-01 是 4.50 元：升了。",
        "价格在2021年3月是9元，在2021年11月是10元：降了。", "库存从 20 件增加到 12 件。",
        "价格从9元涨到8元。"}) {
    EXPECT_TRUE(ContradictsItself(claim)) << claim;
  }
  for (const char* claim :
       {"On 2021-04-18 the price of the mug was 152.74, on 2023-08-02 it was 174.50: it rose.",
        "On 2023-08-02 the price of the mug was 174.50, on 2021-04-18 it was 152.74: it rose.",
        "The price was $9.50 in 2019 and $12.00 in 2021, so it rose.",
        "Sales rose from 900 to 1,200.",
        "Yokas 桌子的价格在 2024-02-11 是 7.25 元，在 2024-07-01 是 4.50 元：降了。",
        "库存从 12 件增加到 20 件。"}) {
    EXPECT_FALSE(ContradictsItself(claim)) << claim;
  }
}

TEST(DirectionTest, WhatIsOpenIsLeftAlone) {
  for (const char* claim :
       {"In 2019 the rose mug cost 9.50, in 2021 it cost 8.00.",         // a colour
        "In 2019 it was 9.50, in 2021 8.00: it did not fall, it rose.",  // denied
        "In 2019 it was 9.50, in 2021 12.00, and stock fell.",           // of something else
        "2021年是9元，2022年是12元，库存下降。",
        "In 2019 it was 3 kg, in 2021 it was 2900 g: it rose.",  // other units
        "In 2019 it was 3 kg, in 2021 it was 2 boxes: it rose.",
        "Sales rose from $900 to $1.2 million.",
        "Sales rose from 900 to 1.2 million.",
        "It rose from -5 to -3.",
        "It rose from 8th to 4th.",
        "In the ranking it rose from 8 to 4.",
        "排名从 8 升到 4。",
        "In 2019 it was 9.50, in 2020 9.00, in 2021 8.00: it rose.",  // three values
        "It rose by 12 to 10.",
        "It rose from 1950 to 1940.",                               // years, perhaps
        "On 3 May 2021 it was 9.50, on 2022-01-01 8.00: it rose.",  // another way of dates
        "In 2021 it was 9.50, in 2021 8.00: it rose.",
        "On 2021-05-01 it was 9.50, in 2022 8.00: it rose.",  // other precision
        "From 20 to 12 people it rose.",
        "It rose.",
        "",
        "价格没有升，2021年是9元，2022年是8元：升了。"}) {
    EXPECT_FALSE(ContradictsItself(claim)) << claim;
  }
}

TEST(DirectionTest, SuchAClaimIsContradictedWhateverItCites) {
  const std::string claim = "In 2019 it cost 9.50, in 2021 it cost 12.00: it fell.";
  EXPECT_EQ(CheckClaim(claim, {"In 2019 it cost 9.50. In 2021 it cost 12.00."}),
            Verdict::kContradicted);
  EXPECT_EQ(CheckClaim(claim, {""}), Verdict::kContradicted);  // a picture
  EXPECT_EQ(CheckClaim("In 2019 it cost 9.50, in 2021 it cost 12.00: it rose.", {""}),
            Verdict::kUnchecked);
}

}  // namespace
}  // namespace sightline::query
