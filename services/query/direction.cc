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
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/function_words.h"
#include "base/utf8.h"
#include "services/query/terms.h"
#include "services/query/units.h"

namespace sightline::query {
namespace {

constexpr absl::string_view kUp[] = {"rose", "risen", "increased", "grew", "grown", "climbed"};
constexpr absl::string_view kDown[] = {"fell", "fallen", "decreased", "dropped", "declined"};
constexpr absl::string_view kChineseUp[] = {"升了", "涨了", "上升",   "上涨",   "涨到", "升到",
                                            "涨至", "升至", "增加到", "增加了", "提高"};
constexpr absl::string_view kChineseDown[] = {"降了", "跌了", "下降",   "下跌",   "降到", "跌到",
                                              "降至", "跌至", "减少到", "减少了", "降低"};
constexpr absl::string_view kChineseNo[] = {"没", "未", "不"};
constexpr absl::string_view kChineseBehind[] = {"，", "。", "、", "；", "：", "到", "至"};
// What such a verb follows: "the rose" is a flower or a colour.
constexpr absl::string_view kBeforeVerb[] = {
    "it",   "they",     "which",  "that",  "and",    "then",   "has",   "have",   "had",
    "also", "price",    "cost",   "value", "stock",  "total",  "sales", "number", "amount",
    "rate", "turnover", "prices", "costs", "values", "stocks", "totals"};

bool IsOneOf(std::span<const absl::string_view> words, absl::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

enum class Direction { kUp, kDown };

// The direction that the text names; nothing where it names none, both, or denies one.
std::optional<Direction> DirectionIn(absl::string_view text) {
  bool up = false, down = false;
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar(" .,;:!?()"), absl::SkipEmpty());
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "not" || words[i] == "never" || absl::EndsWith(words[i], "n't")) return {};
    if (i == 0) continue;
    if (words[i - 1] == "went") {
      up = up || words[i] == "up";
      down = down || words[i] == "down";
    } else if (IsOneOf(kBeforeVerb, words[i - 1])) {
      up = up || IsOneOf(kUp, words[i]);
      down = down || IsOneOf(kDown, words[i]);
    }
  }
  const auto has = [&](std::span<const absl::string_view> parts) {
    return std::ranges::any_of(
        parts, [&](absl::string_view part) { return absl::StrContains(text, part); });
  };
  if (has(kChineseUp) || has(kChineseDown)) {
    if (has(kChineseNo)) return {};
    up = up || has(kChineseUp);
    down = down || has(kChineseDown);
  }
  if (up == down) return {};
  return up ? Direction::kUp : Direction::kDown;
}

// A number or date of a text.
struct Item {
  size_t begin = 0, end = 0;
  bool is_date = false;
  std::array<int, 3> date = {};  // year, month, day; 0 = not said
  double value = 0;
};

// Reads digits at `at`, which is moved behind them.
int Digits(absl::string_view text, size_t& at, size_t most) {
  int out = 0;
  for (size_t n = 0; n < most && at < text.size() && absl::ascii_isdigit(text[at]); ++n, ++at) {
    out = out * 10 + (text[at] - '0');
  }
  return out;
}

bool Take(absl::string_view text, size_t& at, absl::string_view part) {
  if (!absl::StartsWith(text.substr(at), part)) return false;
  at += part.size();
  return true;
}

// "2021-04-18", "2021/4/18", "2021年4月18日", and of these the year with or without its month.
std::optional<Item> DateAt(absl::string_view text, size_t begin) {
  Item item = {.begin = begin, .is_date = true};
  size_t at = begin;
  item.date[0] = Digits(text, at, 5);
  if (at != begin + 4) return {};
  size_t next = at;
  for (const absl::string_view separator : {"-", "/", "."}) {
    next = at;
    if (!Take(text, next, separator)) continue;
    item.date[1] = Digits(text, next, 2);
    if (!Take(text, next, separator)) break;
    const size_t day = next;
    item.date[2] = Digits(text, next, 2);
    if (next == day) break;
    item.end = next;
    return item;
  }
  item.date = {item.date[0], 0, 0};
  next = at;
  if (Take(text, next, "年")) {
    item.end = next;
    item.date[1] = Digits(text, next, 2);
    if (item.date[1] > 0 && Take(text, next, "月")) {
      item.end = next;
      item.date[2] = Digits(text, next, 2);
      if (item.date[2] > 0 && Take(text, next, "日"))
        item.end = next;
      else
        item.date[2] = 0;
    } else {
      item.date[1] = 0;
    }
    return item;
  }
  // A number of four digits with a point, or more of them, is no year.
  const bool goes_on = at + 1 < text.size() && (text[at] == '.' || text[at] == ',') &&
                       absl::ascii_isdigit(text[at + 1]);
  if (goes_on || item.date[0] < 1500 || item.date[0] > 2199) return {};
  item.end = at;
  return item;
}

std::vector<Item> ItemsIn(absl::string_view text) {
  std::vector<Item> out;
  for (size_t at = 0; at < text.size();) {
    if (!absl::ascii_isdigit(text[at])) {
      ++at;
      continue;
    }
    std::optional<Item> item = DateAt(text, at);
    if (!item.has_value()) {
      item = Item{.begin = at};
      std::string number;
      size_t end = at;
      const auto digit_at = [&](size_t i) {
        return i < text.size() && absl::ascii_isdigit(text[i]);
      };
      while (digit_at(end) ||
             (end < text.size() && (text[end] == '.' || text[end] == ',') && digit_at(end + 1))) {
        if (text[end] != ',') number += text[end];
        ++end;
      }
      item->end = end;
      if (!absl::SimpleAtod(number, &item->value)) return {};  // "1.2.3"
    }
    at = item->end;
    out.push_back(*item);
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
  if (rest.empty() || absl::ascii_isascii(rest[0])) return "";
  const absl::string_view sign = rest.substr(0, Utf8PrefixLength(rest, 3));
  return IsOneOf(kChineseBehind, sign) ? "" : sign;
}

bool AreAlike(absl::string_view text, const Item& a, const Item& b) {
  const auto units = [&](const Item& item) {
    return UnitsOfNumber(text.substr(0, item.begin), text.substr(item.end));
  };
  return units(a) == units(b) && (!units(a).empty() || Behind(text, a) == Behind(text, b));
}

// Whether `word` stands right before the item, a sign of a currency aside.
bool StandsBefore(absl::string_view text, const Item& item, absl::string_view word) {
  absl::string_view before = text.substr(0, item.begin);
  for (const absl::string_view sign : {"$", "€", "£", "¥"}) absl::ConsumeSuffix(&before, sign);
  absl::ConsumeSuffix(&before, " ");
  return absl::EndsWith(before, word);
}

}  // namespace

bool ContradictsItself(absl::string_view claim) {
  const std::string text = NormalisedText(claim);
  const std::optional<Direction> direction = DirectionIn(text);
  if (!direction.has_value()) return false;
  const std::vector<Item> items = ItemsIn(text);
  std::vector<Item> values, dates;
  for (const Item& item : items) (item.is_date ? dates : values).push_back(item);
  if (values.size() != 2 || !AreAlike(text, values[0], values[1])) return false;

  std::optional<bool> forward;  // the first value is the earlier one
  if ((StandsBefore(text, values[0], "from") && StandsBefore(text, values[1], "to")) ||
      (StandsBefore(text, values[0], "从") &&
       (StandsBefore(text, values[1], "到") || StandsBefore(text, values[1], "至")))) {
    forward = true;
  } else if (dates.size() == 2 && items[0].is_date != items[1].is_date &&
             items[2].is_date == items[0].is_date) {
    const auto said = [](const Item& date) { return std::ranges::count(date.date, 0); };
    if (said(dates[0]) != said(dates[1]) || dates[0].date == dates[1].date) return false;
    forward = dates[0].date < dates[1].date;
  }
  if (!forward.has_value()) return false;
  const double before = values[*forward ? 0 : 1].value;
  const double after = values[*forward ? 1 : 0].value;
  return *direction == Direction::kUp ? after <= before : after >= before;
}

}  // namespace sightline::query
