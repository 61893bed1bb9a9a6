#include "model/json_number_range.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace sightline::model {
namespace {

using State = ByteGrammar::State;

constexpr int kPlainDigits = 15;    // of an integer without a bound
constexpr int kMostDigits = 17;     // of a bound of integers
constexpr int kDoubleDigits = 15;   // that a double tells apart
constexpr int kOpenDigits = 9;      // before the point where a bound is missing
constexpr int kFractionDigits = 6;  // behind it, unless a bound has more
constexpr absl::string_view kPlainNumber =
    "-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?";

// A decimal: digits * 10^-fraction.
struct Decimal {
  bool negative = false;
  std::string whole;     // digits before the point, without leading zeros; empty = 0
  std::string fraction;  // digits behind it, without trailing zeros
};

// `text` is a JSON number.
absl::StatusOr<Decimal> ParseDecimal(absl::string_view text) {
  Decimal out;
  out.negative = absl::ConsumePrefix(&text, "-");
  int exponent = 0;
  const size_t e = text.find_first_of("eE");
  if (e != absl::string_view::npos) {
    if (!absl::SimpleAtoi(absl::StripPrefix(text.substr(e + 1), "+"), &exponent)) exponent = 9999;
    text = text.substr(0, e);
  }
  const size_t point = std::min(text.find('.'), text.size());
  out.whole = std::string(text.substr(0, point));
  if (point < text.size()) out.fraction = std::string(text.substr(point + 1));
  if (std::abs(exponent) > 400) return absl::InvalidArgumentError("a bound of too many digits");
  for (; exponent > 0; --exponent) {
    out.whole.push_back(out.fraction.empty() ? '0' : out.fraction.front());
    if (!out.fraction.empty()) out.fraction.erase(0, 1);
  }
  for (; exponent < 0; ++exponent) {
    out.fraction.insert(0, 1, out.whole.empty() ? '0' : out.whole.back());
    if (!out.whole.empty()) out.whole.pop_back();
  }
  out.whole.erase(0, std::min(out.whole.find_first_not_of('0'), out.whole.size()));
  while (!out.fraction.empty() && out.fraction.back() == '0') out.fraction.pop_back();
  return out;
}

int64_t Power(int exponent) {
  int64_t out = 1;
  for (int i = 0; i < exponent; ++i) out *= 10;
  return out;
}

// Bounds on the grid of multiples of 10^-digits, as multiples.
struct Grid {
  int digits = 0;
  int whole_digits = 0;              // that the larger bound has before the point
  std::optional<int64_t> low, high;  // both included
};

// What of `value` is on the grid: rounded up for a lower bound, down for an upper one.
int64_t OnGrid(const Decimal& value, int digits, bool up) {
  std::string kept = value.fraction;
  bool exact = true;
  if (static_cast<int>(kept.size()) > digits) {
    kept.resize(static_cast<size_t>(digits));
    exact = false;
  }
  kept.resize(static_cast<size_t>(digits), '0');
  int64_t magnitude = 0;
  for (const char c : absl::StrCat(value.whole, kept)) magnitude = magnitude * 10 + (c - '0');
  const int64_t toward_zero = value.negative ? -magnitude : magnitude;
  if (exact) return toward_zero;
  if (up && !value.negative) return toward_zero + 1;
  if (!up && value.negative) return toward_zero - 1;
  return toward_zero;
}

// `digits`: of the grid, more where `fine` and a bound has more. `most_digits`: a bound may have,
// in all when `fine`, else before the point.
absl::StatusOr<Grid> GridOf(const NumberBounds& bounds, int digits, int most_digits, bool fine) {
  struct Bound {
    const std::optional<std::string>* text;
    bool lower, open;
    Decimal value = {};
  };
  Grid grid;
  std::vector<Bound> kept;
  for (Bound bound :
       {Bound{&bounds.minimum, true, false}, Bound{&bounds.exclusive_minimum, true, true},
        Bound{&bounds.maximum, false, false}, Bound{&bounds.exclusive_maximum, false, true}}) {
    if (!bound.text->has_value()) continue;
    SL_ASSIGN_OR_RETURN(bound.value, ParseDecimal(**bound.text));
    const auto whole = static_cast<int>(bound.value.whole.size());
    if (whole > most_digits) {
      // Farther out than what is written without it.
      if (bound.lower == bound.value.negative) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("a bound of more than ", most_digits, " digits"));
    }
    grid.whole_digits = std::max(grid.whole_digits, whole);
    if (fine) digits = std::max(digits, static_cast<int>(bound.value.fraction.size()));
    kept.push_back(std::move(bound));
  }
  grid.digits = std::min(digits, most_digits - std::max(grid.whole_digits, 1));
  for (const Bound& bound : kept) {
    const bool exact = static_cast<int>(bound.value.fraction.size()) <= grid.digits;
    if (fine && !exact) {
      return absl::InvalidArgumentError(
          absl::StrCat("bounds that need more than ", most_digits, " digits"));
    }
    int64_t at = OnGrid(bound.value, grid.digits, bound.lower);
    if (bound.open && exact) at += bound.lower ? 1 : -1;
    std::optional<int64_t>& known = bound.lower ? grid.low : grid.high;
    known = !known ? at : bound.lower ? std::max(*known, at) : std::min(*known, at);
  }
  return grid;
}

// Adds the decimals from `low` to `high`, neither negative, as multiples of 10^-digits. A fraction
// may end before its last digits when these are zeros.
class RangeWriter {
 public:
  RangeWriter(int digits, ByteGrammar& grammar, State to)
      : digits_(digits), grammar_(grammar), to_(to) {}

  void Add(State from, int64_t low, int64_t high) {
    if (low > high) return;
    const int64_t unit = Power(digits_);
    for (int length = DigitsOf(low / unit); length <= DigitsOf(high / unit); ++length) {
      const int64_t first = length == 1 ? 0 : Power(length - 1) * unit;
      const int64_t last = Power(length) * unit - 1;
      AddLength(from, length, std::max(low, first), std::min(high, last));
    }
  }

 private:
  static int DigitsOf(int64_t whole) {
    int out = 1;
    for (; whole >= 10; whole /= 10) ++out;
    return out;
  }

  std::string Spelt(int64_t value, int length) const {
    std::string out = absl::StrCat(value);
    out.insert(0, static_cast<size_t>(length + digits_) - out.size(), '0');
    return out;
  }

  // Those with `length` digits before the point. Goes through the digits side by side with those of
  // both bounds: a state is whether the text so far equals the beginning of either.
  void AddLength(State from, int length, int64_t low, int64_t high) {
    const std::string least = Spelt(low, length);
    const std::string most = Spelt(high, length);
    using Tight = std::pair<bool, bool>;
    std::map<Tight, State> at = {{{true, true}, from}};
    for (int i = 0; i < length + digits_; ++i) {
      if (i == length) {
        for (auto& [tight, state] : at) {
          MayEnd(tight.first, least, i, state);
          const State point = grammar_.NewState();
          grammar_.Byte(state, '.', '.', point);
          state = point;
        }
      } else if (i > length) {
        for (const auto& [tight, state] : at) MayEnd(tight.first, least, i, state);
      }
      std::map<Tight, State> next;
      for (const auto& [tight, state] : at) {
        const char begin = tight.first ? least[i] : '0';
        const char end = tight.second ? most[i] : '9';
        for (char c = begin; c <= end; ++c) {
          const Tight then = {tight.first && c == least[i], tight.second && c == most[i]};
          const auto [it, is_new] = next.try_emplace(then, 0);
          if (is_new) it->second = grammar_.NewState();
          grammar_.Byte(state, static_cast<uint8_t>(c), static_cast<uint8_t>(c), it->second);
        }
      }
      at = std::move(next);
    }
    for (const auto& [tight, state] : at) grammar_.Empty(state, to_);
  }

  // The digits that are missing from `i` on are zeros: too few when the lower bound has others.
  void MayEnd(bool tight_below, const std::string& least, int i, State state) {
    if (tight_below && least.find_first_not_of('0', static_cast<size_t>(i)) != std::string::npos) {
      return;
    }
    grammar_.Empty(state, to_);
  }

  const int digits_;
  ByteGrammar& grammar_;
  const State to_;
};

// `whole_digits`: before the point on a side without a bound, more when the other one has more.
void AddRange(const Grid& grid, int whole_digits, ByteGrammar& grammar, State from, State to) {
  const int64_t widest = Power(std::max(whole_digits, grid.whole_digits) + grid.digits) - 1;
  const int64_t low = grid.low.value_or(-widest);
  const int64_t high = grid.high.value_or(widest);
  RangeWriter writer(grid.digits, grammar, to);
  if (high >= 0) writer.Add(from, std::max<int64_t>(low, 0), high);
  if (low < 0) {
    const State minus = grammar.NewState();
    grammar.Byte(from, '-', '-', minus);
    writer.Add(minus, std::max<int64_t>(-high, 1), -low);
  }
}

}  // namespace

absl::Status AddInteger(const NumberBounds& bounds, ByteGrammar& grammar, State from, State to) {
  SL_ASSIGN_OR_RETURN(const Grid grid, GridOf(bounds, /*digits=*/0, kMostDigits, /*fine=*/false));
  AddRange(grid, kPlainDigits, grammar, from, to);
  return absl::OkStatus();
}

absl::Status AddNumber(const NumberBounds& bounds, ByteGrammar& grammar, State from, State to) {
  if (!bounds.any()) {
    SL_ASSIGN_OR_RETURN(const CodePointNfa nfa, ParseRegex(kPlainNumber, RegexMatch::kWhole));
    grammar.Text(from, nfa, ByteGrammar::Spelling::kUtf8, to);
    return absl::OkStatus();
  }
  SL_ASSIGN_OR_RETURN(const Grid grid,
                      GridOf(bounds, kFractionDigits, kDoubleDigits, /*fine=*/true));
  AddRange(grid, std::min(kOpenDigits, kDoubleDigits - grid.digits), grammar, from, to);
  return absl::OkStatus();
}

}  // namespace sightline::model
