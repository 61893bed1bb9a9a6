#include "services/query/text_filter.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

constexpr char kRules[] =
    "mask card\nmask email\nmask phone\nmask national_id\nmask words secret: Nightfall; 蓝鹭\n"
    "mask regex ticket: TCK-\\d+\\b\nmask regex tail: end$\n";
constexpr char kText[] =
    "Ann <ann@mail.example.org> pays 4111 1111 1111 1111, calls +44 20 7946 0958 about nightfall "
    "(TCK-12, TCK-345a) and 蓝鹭 078-05-1120. Not 4111 1111 1111 1112. The end";
constexpr char kMasked[] =
    "Ann <[email]> pays [card], calls [phone] about [secret] "
    "([ticket], TCK-345a) and [secret] [national_id]. Not 4111 1111 1111 1112. The [tail]";

bool IsBoundary(absl::string_view text, size_t at) {
  return at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

TEST(TextFilterTest, EverySplitGivesWhatTheWholeGives) {
  const auto rules = ContentRules::Parse(kRules).value();
  const absl::string_view text = kText;
  EXPECT_EQ(FilterText(*rules, text).value().text, kMasked);
  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); ++second) {
      if (!IsBoundary(text, first) || !IsBoundary(text, second)) continue;
      TextFilter filter(*rules);
      std::string out = filter.Push(text.substr(0, first)).value();
      out += filter.Push(text.substr(first, second - first)).value();
      out += filter.Push(text.substr(second)).value();
      out += filter.Finish().value();
      ASSERT_EQ(out, kMasked) << first << ", " << second;
      ASSERT_EQ(filter.text(), kMasked);
    }
  }
}

TEST(TextFilterTest, NoPrefixOfAMatchLeaves) {
  const auto rules = ContentRules::Parse(kRules).value();
  TextFilter filter(*rules);
  std::string out;
  for (size_t at = 0; at < sizeof(kText) - 1;) {
    size_t end = at + 1;
    while (!IsBoundary(kText, end)) ++end;
    out += filter.Push(absl::string_view(kText).substr(at, end - at)).value();
    ASSERT_TRUE(absl::StartsWith(kMasked, out)) << out;
    at = end;
  }
}

TEST(TextFilterTest, WhatIsHeldBackIsBounded) {
  const auto rules = ContentRules::Parse("mask regex all: q[^!]*!").value();
  TextFilter filter(*rules);
  const std::string text = "q" + std::string(5000, 'x');
  for (const char c : text) {
    ASSERT_TRUE(filter.Push(std::string(1, c)).ok());
    ASSERT_LE(filter.taken() - filter.settled(), kMaxMatchBytes);
  }
  // The text as a whole is judged by the same windows.
  EXPECT_EQ(FilterText(*rules, text + "!").value().text, text + "!");
  EXPECT_EQ(filter.Push("!").value() + filter.Finish().value(), "!");
}

TEST(TextFilterTest, AMatchAsLongAsAWindowIsFoundInEverySplit) {
  const auto rules = ContentRules::Parse("mask regex all: q[^!]*!").value();
  const std::string text = "ab q" + std::string(kMaxMatchBytes - 2, 'x') + "! c";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    TextFilter filter(*rules);
    ASSERT_TRUE(filter.Push(text.substr(0, cut)).ok());
    ASSERT_TRUE(filter.Push(text.substr(cut)).ok());
    ASSERT_TRUE(filter.Finish().ok());
    ASSERT_EQ(filter.text(), "ab [all] c") << cut;
  }
}

TEST(TextFilterTest, OverlappingMatchesGoAsOne) {
  const auto rules = ContentRules::Parse("mask regex one: abc\nmask regex two: cde").value();
  EXPECT_EQ(FilterText(*rules, "xabcdey").value().text, "x[one]y");
}

TEST(TextFilterTest, ABlockedTextEndsBeforeTheMatchInEverySplit) {
  const auto rules = ContentRules::Parse("mask regex one: bc\nblock regex stop: cd").value();
  const std::string text = "xabcdefg";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    TextFilter filter(*rules);
    std::string out = filter.Push(text.substr(0, cut)).value();
    out += filter.Push(text.substr(cut)).value();
    out += filter.Finish().value();
    EXPECT_EQ(out, "xa") << cut;
    EXPECT_EQ(filter.blocked_by(), "stop");
  }
}

TEST(TextFilterTest, PlacesLeadBackToWhatCame) {
  const auto rules = ContentRules::Parse("mask email").value();
  TextFilter filter(*rules);
  const std::string text = "To a@b.org, c@d.org.";
  ASSERT_TRUE(filter.Push(text).ok() && filter.Finish().ok());
  ASSERT_EQ(filter.text(), "To [email], [email].");
  EXPECT_EQ(filter.UnmapBegin(0), 0u);
  EXPECT_EQ(filter.UnmapEnd(3), 3u);  // "To "
  EXPECT_EQ(filter.UnmapBegin(3), 3u);
  EXPECT_EQ(filter.UnmapBegin(5), 3u);  // inside the first
  EXPECT_EQ(filter.UnmapEnd(5), 10u);
  EXPECT_EQ(filter.UnmapBegin(10), 10u);
  EXPECT_EQ(filter.UnmapBegin(15), 12u);
  EXPECT_EQ(filter.UnmapEnd(20), text.size());
}

TEST(TextFilterTest, PlacesFollowTheReplacements) {
  const auto rules = ContentRules::Parse("mask words w: secret").value();
  TextFilter filter(*rules);
  ASSERT_TRUE(filter.Push("a secret b secret c").ok());
  ASSERT_TRUE(filter.Finish().ok());
  ASSERT_EQ(filter.text(), "a [w] b [w] c");
  EXPECT_EQ(filter.MapBegin(0), 0u);
  EXPECT_EQ(filter.MapBegin(2), 2u);
  EXPECT_EQ(filter.MapBegin(5), 2u);
  EXPECT_EQ(filter.MapEnd(2), 2u);
  EXPECT_EQ(filter.MapEnd(5), 5u);
  EXPECT_EQ(filter.MapEnd(8), 5u);
  EXPECT_EQ(filter.MapBegin(9), 6u);
  EXPECT_EQ(filter.MapEnd(19), 13u);
}

}  // namespace
}  // namespace sightline::query
