#include "services/query/direction.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/function_words.h"
#include "base/utf8.h"
#include "services/query/terms.h"
#include "services/query/tokens.h"
#include "services/query/units.h"

namespace sightline::query {
namespace {

using Words = std::span<const absl::string_view>;

constexpr absl::string_view kUp[] = {"rose", "risen", "increased", "grew", "grown", "climbed"};
constexpr absl::string_view kDown[] = {"fell", "fallen", "decreased", "dropped", "declined"};
constexpr absl::string_view kChineseUp[] = {"升", "涨", "上升", "上涨", "增加", "提高"};
constexpr absl::string_view kChineseDown[] = {"降", "跌", "下降", "下跌", "减少", "降低"};
// "The rose" is a flower or a colour, and what "the stock" did says nothing of a price.
constexpr absl::string_view kBeforeVerb[] = {"it", "they", "which", "has", "have", "had", "also"};
constexpr absl::string_view kDenials[] = {" not ", " never ", "n't", "没", "未", "不"};
constexpr absl::string_view kRanks[] = {"rank", "place", "position", "排名", "名次", "第", "位"};
constexpr absl::string_view kOrdinals[] = {"st", "nd", "rd", "th"};
constexpr absl::string_view kChineseBehind[] = {"到", "至"};

bool IsOneOf(Words words, absl::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool HoldsOneOf(absl::string_view text, Words parts) {
  return std::ranges::any_of(parts,
                             [&](absl::string_view part) { return absl::StrContains(text, part); });
}

bool StartsWithOneOf(absl::string_view text, Words parts) {
  return std::ranges::any_of(parts,
                             [&](absl::string_view part) { return absl::StartsWith(text, part); });
}

enum class Direction { kUp, kDown };

std::optional<Direction> Only(bool up, bool down) {
  if (up == down) return {};
  return up ? Direction::kUp : Direction::kDown;
}

// A value, or a date as its year, month and day; 0 = not said.
struct Item {
  size_t begin = 0, end = 0;  // bytes of the text
  bool is_date = false;
  std::array<int, 3> date = {};
  double value = 0;
};

// "2021-04-18", "2021/4/18", "2021年4月18日", and of these the year alone, or with its month in
// Chinese: from token `at` on, which is moved to the last of the date's. Nothing where it is none.
std::optional<Item> DateAt(absl::string_view text, std::span<const Token> tokens, size_t& at) {
  constexpr absl::string_view kSeparators[][3] = {
      {"-", "-", ""}, {"/", "/", ""}, {"年", "月", "日"}};
  Item item = {.begin = tokens[at].begin, .end = tokens[at].end, .is_date = true};
  if (tokens[at].text.size() != 4 || !absl::SimpleAtoi(tokens[at].text, &item.date[0]) ||
      item.date[0] < 1500 || item.date[0] > 2199) {
    return std::nullopt;
  }
  for (const auto& separators : kSeparators) {
    if (!absl::StartsWith(text.substr(item.end), separators[0])) continue;
    item.end += separators[0].size();
    for (size_t part = 1; part < 3 && at + 1 < tokens.size(); ++part) {
      const Token& next = tokens[at + 1];
      const bool marked = absl::StartsWith(text.substr(next.end), separators[part]);
      if (next.begin != item.end || !marked || next.text.size() > 2 ||
          !absl::SimpleAtoi(next.text, &item.date[part])) {
        break;
      }
      item.end = next.end + separators[part].size();
      ++at;
    }
    break;
  }
  return item;
}

// The values and dates of a text; nothing where a number is neither.
std::vector<Item> ItemsIn(const std::string& text) {
  std::vector<Token> tokens = Tokenize(text);
  std::vector<Item> out;
  for (size_t at = 0; at < tokens.size(); ++at) {
    if (!tokens[at].is_number) continue;
    if (std::optional<Item> date = DateAt(text, tokens, at); date.has_value()) {
      out.push_back(*date);
      continue;
    }
    Item item = {.begin = tokens[at].begin, .end = tokens[at].end};
    const absl::string_view before = absl::string_view(text).substr(0, item.begin);
    if (absl::EndsWith(before, "-") || absl::EndsWith(before, "−") ||
        !absl::SimpleAtod(tokens[at].text, &item.value)) {
      return {};
    }
    out.push_back(item);
  }
  return out;
}

// What a value counts, as far as it stands right behind it: a word, or a character of another
// script.
absl::string_view Behind(absl::string_view text, const Item& item) {
  absl::string_view rest = text.substr(item.end);
  absl::ConsumePrefix(&rest, " ");
  size_t end = 0;
  while (end < rest.size() && absl::ascii_isalpha(rest[end])) ++end;
  if (end > 0) return IsEnglishFunctionWord(rest.substr(0, end)) ? "" : rest.substr(0, end);
  const absl::string_view sign = rest.substr(0, Utf8PrefixLength(rest, 3));
  return sign.size() < 3 || IsOneOf(kChineseBehind, sign) || !IsMostlyCjk(sign) ? "" : sign;
}

// In one unit and of one kind: no "$900" and "$1.2 million", and no "8th".
bool CanBeCompared(absl::string_view text, const Item& a, const Item& b) {
  const auto units = [&](const Item& item) {
    return UnitsOfNumber(text.substr(0, item.begin), text.substr(item.end));
  };
  const absl::string_view counted = Behind(text, a);
  return units(a) == units(b) && counted == Behind(text, b) && !IsOneOf(kOrdinals, counted);
}

// What stands before an item, signs of a currency and blanks at its end aside.
absl::string_view Before(absl::string_view text, const Item& item) {
  absl::string_view before = text.substr(0, item.begin);
  for (const absl::string_view sign : {"$", "€", "£", "¥"}) absl::ConsumeSuffix(&before, sign);
  return absl::StripTrailingAsciiWhitespace(before);
}

absl::string_view LastWord(absl::string_view text) {
  text = absl::StripTrailingAsciiWhitespace(text);
  return text.substr(text.rfind(' ') == absl::string_view::npos ? 0 : text.rfind(' ') + 1);
}

// Of "rose from … to …" and "从…升到…"; nothing where the values stand otherwise.
std::optional<Direction> BetweenValues(absl::string_view text, const Item& first,
                                       const Item& second) {
  absl::string_view before = Before(text, first);
  const absl::string_view to = Before(text, second);
  if (absl::ConsumeSuffix(&before, " from") && absl::EndsWith(to, " to")) {
    const absl::string_view verb = LastWord(before);
    return Only(IsOneOf(kUp, verb) || absl::EndsWith(before, " went up"),
                IsOneOf(kDown, verb) || absl::EndsWith(before, " went down"));
  }
  if (absl::EndsWith(before, "从") && (absl::EndsWith(to, "到") || absl::EndsWith(to, "至"))) {
    const absl::string_view between = to.substr(std::min(first.end, to.size()));
    return Only(HoldsOneOf(between, kChineseUp), HoldsOneOf(between, kChineseDown));
  }
  return std::nullopt;
}

// What is said to have become of "it" behind the values: ": it fell", "元：降了".
std::optional<Direction> BehindValues(const std::string& tail, absl::string_view counted) {
  absl::string_view rest = tail;
  absl::ConsumePrefix(&rest, " ");
  absl::ConsumePrefix(&rest, counted);
  while (!rest.empty() && absl::StrContains(" ,:;.", rest[0])) rest.remove_prefix(1);
  bool up = StartsWithOneOf(rest, kChineseUp) || absl::StrContains(tail, "it went up");
  bool down = StartsWithOneOf(rest, kChineseDown) || absl::StrContains(tail, "it went down");
  const std::vector<Token> words = Tokenize(tail);
  for (size_t i = 1; i < words.size(); ++i) {
    if (!IsOneOf(kBeforeVerb, words[i - 1].text)) continue;
    up = up || IsOneOf(kUp, words[i].text);
    down = down || IsOneOf(kDown, words[i].text);
  }
  return Only(up, down);
}

}  // namespace

bool ContradictsItself(absl::string_view claim) {
  const std::string text = NormalisedText(claim);
  if (HoldsOneOf(text, kDenials) || HoldsOneOf(text, kRanks)) return false;
  const std::vector<Item> items = ItemsIn(text);
  std::vector<Item> values, dates;
  for (const Item& item : items) (item.is_date ? dates : values).push_back(item);
  if (values.size() != 2 || !CanBeCompared(text, values[0], values[1])) return false;

  bool forward = true;  // the first value is the earlier one
  std::optional<Direction> direction = BetweenValues(text, values[0], values[1]);
  if (!direction.has_value() && dates.size() == 2 && items[0].is_date != items[1].is_date &&
      items[2].is_date == items[0].is_date) {
    const auto left_out = [](const Item& date) { return std::ranges::count(date.date, 0); };
    if (left_out(dates[0]) != left_out(dates[1]) || dates[0].date == dates[1].date) return false;
    forward = dates[0].date < dates[1].date;
    direction = BehindValues(text.substr(items.back().end), Behind(text, items.back()));
  }
  if (!direction.has_value()) return false;
  const double before = values[forward ? 0 : 1].value;
  const double after = values[forward ? 1 : 0].value;
  return *direction == Direction::kUp ? after <= before : after >= before;
}

}  // namespace sightline::query
