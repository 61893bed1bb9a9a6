#include "base/clock_text.h"

#include <gtest/gtest.h>

namespace sightline {
namespace {

TEST(ClockTextTest, MinutesAndSecondsAndHoursWhereThereAreAny) {
  EXPECT_EQ(ClockText(0), "0:00");
  EXPECT_EQ(ClockText(12.96), "0:12");
  EXPECT_EQ(ClockText(754), "12:34");
  EXPECT_EQ(ClockText(3723.5), "1:02:03");
  EXPECT_EQ(ClockText(12, 19.5), "0:12-0:19");
}

TEST(ClockTextTest, NonsenseIsWrittenSomehow) {
  EXPECT_EQ(ClockText(-3), "0:00");
  EXPECT_EQ(ClockText(1e300), ClockText(1e9));
}

}  // namespace
}  // namespace sightline
