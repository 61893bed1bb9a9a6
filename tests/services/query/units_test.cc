#include "services/query/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(UnitsTest, AWordOrSignBehindTheNumberIsItsUnit) {
  EXPECT_THAT(UnitsOfNumber("it costs ", " euros."), ElementsAre("currency:eur"));
  EXPECT_THAT(UnitsOfNumber("售价", "美元"), ElementsAre("currency:usd"));
  EXPECT_THAT(UnitsOfNumber("售价", "元"), ElementsAre("currency:cny"));
  EXPECT_THAT(UnitsOfNumber("", "% of all"), ElementsAre("share:percent"));
  EXPECT_THAT(UnitsOfNumber("a ", "-year warranty"), ElementsAre("time:year"));
  EXPECT_THAT(UnitsOfNumber("", "kg"), ElementsAre("mass:kg"));
}

TEST(UnitsTest, ACurrencyMayStandInFront) {
  EXPECT_THAT(UnitsOfNumber("for $", " today"), ElementsAre("currency:usd"));
  EXPECT_THAT(UnitsOfNumber("for eur ", ""), ElementsAre("currency:eur"));
  EXPECT_THAT(UnitsOfNumber("for €", " m"), ElementsAre("currency:eur"));
  EXPECT_THAT(UnitsOfNumber("a length of m ", ""), IsEmpty());
}

TEST(UnitsTest, WhatIsNoUnitIsNone) {
  EXPECT_THAT(UnitsOfNumber("", " mugs"), IsEmpty());  // not metres
  EXPECT_THAT(UnitsOfNumber("the neur ", ""), IsEmpty());
  EXPECT_THAT(UnitsOfNumber("", "月3日"), IsEmpty());
  EXPECT_THAT(UnitsOfNumber("", ""), IsEmpty());
}

TEST(UnitsTest, OtherUnitsAreThoseOfOneDimensionThatCannotBeTheSame) {
  EXPECT_TRUE(AreOtherUnits({"currency:eur"}, {"currency:cny"}));
  EXPECT_FALSE(AreOtherUnits({"currency:eur"}, {"mass:kg"}));
  EXPECT_FALSE(AreOtherUnits({"currency:cny", "currency:jpy"}, {"currency:cny"}));
  EXPECT_FALSE(AreOtherUnits({"currency:gbp", "mass:lb"}, {"mass:lb"}));
  EXPECT_FALSE(AreOtherUnits({}, {"mass:lb"}));
}

}  // namespace
}  // namespace sightline::query
