#include "index/date.h"

#include <gtest/gtest.h>

namespace sightline::index {
namespace {

absl::Time At(const char* text) {
  absl::Time out;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &out, &error)) << error;
  return out;
}

TEST(ReadDateTest, ADateAloneIsTheWholeDayInUtc) {
  const auto day = ReadDate("2024-02-29");
  ASSERT_TRUE(day.has_value());
  EXPECT_EQ(day->first, At("2024-02-29T00:00:00Z"));
  EXPECT_EQ(day->last, At("2024-03-01T00:00:00Z") - absl::Nanoseconds(1));
}

TEST(ReadDateTest, ATimeIsAMomentInItsOffset) {
  for (const char* text :
       {"2024-03-01T08:00:00+02:00", "2024-03-01t06:00:00z", "2024-03-01T06:00:00.000Z"}) {
    const auto moment = ReadDate(text);
    ASSERT_TRUE(moment.has_value()) << text;
    EXPECT_EQ(moment->first, At("2024-03-01T06:00:00Z")) << text;
    EXPECT_EQ(moment->last, moment->first);
  }
}

TEST(ReadDateTest, AnythingElseIsNone) {
  for (const char* text :
       {"", "2024", "2024-03", "2024-3-1", "2023-02-29", "2024-13-01", " 2024-03-01", "2024-03-01 ",
        "01.03.2024", "yesterday", "infinite-future", "infinite-past-", "+024-03-01",
        "2024-03-01T08:00:00", "2024-03-01 08:00:00Z", "2024-03-01T25:00:00Z",
        "2024-03-01T08:00:00Zx", "2024-03-01T08:00Z"}) {
    EXPECT_FALSE(ReadDate(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace sightline::index
