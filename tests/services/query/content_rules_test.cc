#include "services/query/content_rules.h"

#include <gtest/gtest.h>

#include "services/query/text_filter.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

std::string Filtered(absl::string_view rules, absl::string_view text) {
  return FilterText(*ContentRules::Parse(rules).value(), text).value().text;
}

TEST(ContentRulesTest, NoRulesAreNull) {
  EXPECT_EQ(ContentRules::Parse("").value(), nullptr);
  EXPECT_EQ(ContentRules::Parse("\n  # none\n").value(), nullptr);
}

TEST(ContentRulesTest, CardsNeedTheirCheckDigit) {
  EXPECT_EQ(Filtered("mask card", "Pay 4111 1111 1111 1111 now"), "Pay [card] now");
  EXPECT_EQ(Filtered("mask card", "4111-1111-1111-1111, 378282246310005."), "[card], [card].");
  EXPECT_EQ(Filtered("mask card", "Pay 4111 1111 1111 1112 now"), "Pay 4111 1111 1111 1112 now");
  // Not the digits around it, and not a part of a longer number.
  EXPECT_EQ(Filtered("mask card", "7 4111111111111111 123"), "7 [card] 123");
  EXPECT_EQ(Filtered("mask card", "41111111111111110000"), "41111111111111110000");
}

TEST(ContentRulesTest, KnownKindsAreFound) {
  EXPECT_EQ(Filtered("mask email", "To ann.lee+x@mail.example.org, now."), "To [email], now.");
  EXPECT_EQ(Filtered("mask email", "a @ b and c@d"), "a @ b and c@d");
  EXPECT_EQ(Filtered("mask phone", "+44 20 7946 0958; (555) 123-4567; 030/1234567."),
            "[phone]; [phone]; [phone].");
  EXPECT_EQ(Filtered("mask phone", "2024-03-01, 1850, 120 metres, 10.0.0.1"),
            "2024-03-01, 1850, 120 metres, 10.0.0.1");
  EXPECT_EQ(Filtered("mask national_id", "078-05-1120 AB 12 34 56 C 11010519491231002X"),
            "[national_id] [national_id] [national_id]");
  EXPECT_EQ(Filtered("mask national_id", "000-05-1120"), "000-05-1120");
}

TEST(ContentRulesTest, WordsAreWholeAndOfAnyCase) {
  const char* rules = "mask words secret: Nightfall; Blue Heron; A+B; 蓝鹭";
  EXPECT_EQ(Filtered(rules, "NIGHTFALL and blue heron"), "[secret] and [secret]");
  EXPECT_EQ(Filtered(rules, "Nightfalls, xNightfall, A+B"), "Nightfalls, xNightfall, [secret]");
  EXPECT_EQ(Filtered(rules, "在蓝鹭旁"), "在[secret]旁");
}

TEST(ContentRulesTest, OwnExpressionsSeeWhatStandsAround) {
  EXPECT_EQ(Filtered("mask regex ticket: TCK-[0-9]{3}$", "TCK-123 TCK-456"), "TCK-123 [ticket]");
  EXPECT_EQ(Filtered("mask regex pin: (?<=pin )\\d+", "pin 1234, 1234"), "pin [pin], 1234");
  EXPECT_EQ(Filtered("mask regex empty: x*", "axxb"), "a[empty]b");
}

TEST(ContentRulesTest, FaultsNameTheirLine) {
  const auto error = [](absl::string_view rules, const char* what) {
    EXPECT_THAT(ContentRules::Parse(rules),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what)));
  };
  error("mask card\nhide email", "line 2: expected mask or block");
  error("mask cards", "expected one of card");
  error("mask card: x", "expected one of card");
  error("mask card x", "nothing goes behind card");
  error("mask regex TICKET: x", "expected NAME:");
  error("mask regex t: (x", "regular expression, byte 2");
  error("block words w: ; ;", "behind the colon");
}

TEST(ContentRulesTest, AnExpressionThatNeedsTooMuchWorkFails) {
  const auto rules = ContentRules::Parse("mask regex slow: (a+)+b").value();
  EXPECT_THAT(FilterText(*rules, std::string(60, 'a') + "c"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("slow")));
}

}  // namespace
}  // namespace sightline::query
