#include "services/query/table_claims.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "services/query/claim_check.h"
#include "services/query/table_rows.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

// Names of days that are one to a reader.
std::string WithOneName(std::string normalised) {
  return absl::StrReplaceAll(normalised, {{"mon-fri", "weekdays"},
                                          {"mon–fri", "weekdays"},
                                          {"monday-friday", "weekdays"},
                                          {"monday to friday", "weekdays"},
                                          {"周一至周五", "工作日"}});
}

// The words and numbers of a text.
struct Content {
  std::string text;  // normalised
  absl::flat_hash_set<std::string> words;
  std::set<std::string> numbers;

  explicit Content(absl::string_view given)
      : text(WithOneName(NormalisedText(given))), numbers(NumbersIn(given)) {
    for (std::string& term : ContentTerms(text)) {
      if (!absl::ascii_isdigit(term[0])) words.insert(std::move(term));
    }
  }
  bool empty() const { return words.empty() && numbers.empty(); }
  bool Holds(const Content& other) const {
    return std::ranges::all_of(other.words,
                               [this](const std::string& word) { return words.contains(word); }) &&
           std::ranges::includes(numbers, other.numbers);
  }
};

using Row = std::vector<Content>;

bool IsNumber(absl::string_view word) {
  return absl::ascii_isdigit(word[0]) &&
         word.find_first_not_of("0123456789.,:-/%") == absl::string_view::npos &&
         absl::ascii_isdigit(word.back());
}

// A line of a table without rules, as the text layer of a page gives it: words, then numbers, which
// may stand on lines of their own.
struct PlainRow {
  std::string label;
  std::vector<std::string> numbers;
};

// Takes the numbers off the end of a line.
PlainRow ReadPlain(absl::string_view line) {
  PlainRow row;
  std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  while (!words.empty() && IsNumber(words.back())) {
    row.numbers.insert(row.numbers.begin(), std::string(words.back()));
    words.pop_back();
  }
  row.label = absl::StrJoin(words, " ");
  return row;
}

// The tables of a text without their heads, and all that stands outside their rows.
class Parts {
 public:
  explicit Parts(absl::string_view text) {
    bool in_table = false;
    for (const absl::string_view given : absl::StrSplit(text, '\n')) {
      const absl::string_view line = absl::StripAsciiWhitespace(given);
      if (!IsTableLine(line)) {
        in_table = false;
        AddPlain(ReadPlain(line));
      } else if (!in_table) {
        in_table = true;
        EndPlain();
        tables.emplace_back();
        absl::StrAppend(&outside, line, "\n");
      } else if (const std::vector<std::string> cells = TableCells(line); !cells.empty()) {
        Row& row = tables.back().emplace_back();
        for (const std::string& cell : cells) row.emplace_back(cell);
      }
    }
    EndPlain();
  }

  std::vector<std::vector<Row>> tables;
  std::string outside;

 private:
  void AddPlain(PlainRow row) {
    if (row.label.empty() && !plain_.empty()) {
      auto& numbers = plain_.back().numbers;
      numbers.insert(numbers.end(), row.numbers.begin(), row.numbers.end());
    } else {
      plain_.push_back(std::move(row));
    }
  }

  // Rows are at least two neighbours with equally many numbers.
  void EndPlain() {
    for (size_t begin = 0; begin < plain_.size();) {
      const size_t numbers = plain_[begin].numbers.size();
      size_t end = begin + 1;
      while (end < plain_.size() && plain_[end].numbers.size() == numbers) ++end;
      const bool is_table = numbers > 0 && end - begin > 1;
      if (is_table) tables.emplace_back();
      for (; begin < end; ++begin) {
        const PlainRow& row = plain_[begin];
        if (!is_table) {
          absl::StrAppend(&outside, row.label, " ", absl::StrJoin(row.numbers, " "), "\n");
          continue;
        }
        Row& cells = tables.back().emplace_back();
        cells.emplace_back(row.label);
        for (const std::string& number : row.numbers) cells.emplace_back(number);
      }
    }
    plain_.clear();
  }

  std::vector<PlainRow> plain_;
};

bool HasNoAscii(absl::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// Chinese of which no words are made that would also be found in a sentence: a number with a
// character or two behind it ("2月"), and a name of characters that mostly say nothing ("多伦多").
bool IsKnownByText(const Content& cell) {
  constexpr size_t kTwoCharacters = 6;
  const absl::string_view text = cell.text;
  const size_t digits = text.find_first_not_of("0123456789");
  if (digits == absl::string_view::npos || !HasNoAscii(text.substr(digits))) return false;
  if (digits > 0) return text.size() - digits <= kTwoCharacters;
  return cell.words.empty() && text.size() >= kTwoCharacters;
}

// True when `text` has `part`, which may begin and end with a digit, as a whole: "12月" has no
// "2月".
bool HasWhole(absl::string_view text, absl::string_view part) {
  for (size_t at = text.find(part); at != absl::string_view::npos; at = text.find(part, at + 1)) {
    const size_t end = at + part.size();
    if ((at == 0 || !absl::ascii_isdigit(text[at - 1])) &&
        (end == text.size() || !absl::ascii_isdigit(text[end]))) {
      return true;
    }
  }
  return false;
}

bool Names(const Content& claim, const Row& row, size_t column) {
  if (column >= row.size()) return false;
  const Content& cell = row[column];
  if (IsKnownByText(cell)) return HasWhole(claim.text, cell.text);
  return !cell.words.empty() && claim.Holds(cell);
}

// The rows that the claim speaks of: those it names in the leftmost column where it names any; of
// rows of one name those that share most words with it.
std::vector<const Row*> Spoken(const Content& claim, const std::vector<Row>& table,
                               size_t& column) {
  size_t columns = 0;
  for (const Row& row : table) columns = std::max(columns, row.size());
  std::vector<const Row*> named;
  for (column = 0; column < columns && named.empty(); ++column) {
    for (const Row& row : table) {
      if (Names(claim, row, column)) named.push_back(&row);
    }
  }
  if (named.empty()) return named;
  --column;
  const auto shared = [&](const Row* row) {
    size_t words = 0;
    for (size_t i = 0; i < row->size(); ++i) {
      if (Names(claim, *row, i)) words += (*row)[i].words.size();
    }
    return words;
  };
  std::vector<const Row*> out;
  for (const Row* row : named) {
    const bool is_best = std::ranges::none_of(named, [&](const Row* other) {
      return (*other)[column].words == (*row)[column].words && shared(other) > shared(row);
    });
    if (is_best) out.push_back(row);
  }
  return out;
}

bool SaysOtherValue(const Content& claim, const std::vector<Row>& table, const Content& outside) {
  size_t label = 0;
  const std::vector<const Row*> spoken = Spoken(claim, table, label);
  if (spoken.empty()) return false;
  for (const Row& row : table) {
    for (size_t column = 0; column < row.size(); ++column) {
      const Content& value = row[column];
      if (column == label || value.empty() || !claim.Holds(value) || outside.Holds(value)) continue;
      // Held by a cell of a row spoken of, or beside that row's own value, it is not put for it.
      const bool own = std::ranges::any_of(spoken, [&](const Row* one) {
        const bool held =
            std::ranges::any_of(*one, [&](const Content& cell) { return cell.Holds(value); });
        return held || column >= one->size() || (*one)[column].empty() ||
               claim.Holds((*one)[column]);
      });
      if (!own) return true;
    }
  }
  return false;
}

// What a claim says to be the most of something, or the least.
struct Extreme {
  bool is_least = false;
  std::string of;  // the words beside it: "sold" of "sold best", "销量" of "销量最高"
};

std::vector<Extreme> ExtremesIn(const Content& claim) {
  static constexpr absl::string_view kMost[] = {"best", "most", "highest", "largest", "biggest"};
  static constexpr absl::string_view kLeast[] = {"least", "fewest", "lowest", "smallest"};
  static constexpr std::pair<absl::string_view, bool> kChinese[] = {
      {"最高", false}, {"最多", false}, {"最大", false}, {"最好", false},
      {"最低", true},  {"最少", true},  {"最小", true}};
  constexpr size_t kTwoCharacters = 6;
  std::vector<Extreme> out;
  const std::vector<absl::string_view> words =
      absl::StrSplit(claim.text, absl::ByAnyChar(" ,.;:!?"), absl::SkipEmpty());
  for (size_t i = 0; i < words.size(); ++i) {
    const bool is_least = std::ranges::find(kLeast, words[i]) != std::end(kLeast);
    if (!is_least && std::ranges::find(kMost, words[i]) == std::end(kMost)) continue;
    const absl::string_view before = i > 0 ? words[i - 1] : "";
    // "Most lamps sold in May" has May to be nothing.
    const bool counts = words[i] == "most" || words[i] == "least" || words[i] == "fewest";
    const bool with_next = i + 1 < words.size() && (!counts || before == "the");
    out.push_back({is_least, absl::StrCat(before, " ", with_next ? words[i + 1] : "")});
  }
  const absl::string_view text = claim.text;
  for (const auto& [word, is_least] : kChinese) {
    const size_t at = text.find(word);
    if (at == absl::string_view::npos || at < kTwoCharacters) continue;
    out.push_back({is_least, std::string(text.substr(at - kTwoCharacters, kTwoCharacters))});
  }
  return out;
}

// The number that a cell is, if it is nothing else.
std::optional<double> NumberOf(const Content& cell) {
  double number = 0;
  if (!cell.words.empty() || cell.numbers.size() != 1) return std::nullopt;
  if (!absl::SimpleAtod(*cell.numbers.begin(), &number)) return std::nullopt;
  return number;
}

// True when the claim has a row to be the most or least of what the text around the table speaks
// of, and the table's only numbers say that another one is.
bool SaysOtherExtreme(const Content& claim, const std::vector<Row>& table, const Content& outside) {
  const std::vector<Extreme> extremes = ExtremesIn(claim);
  if (extremes.empty() || table.size() < 2) return false;
  size_t label = 0;
  const std::vector<const Row*> spoken = Spoken(claim, table, label);
  if (spoken.size() != 1) return false;
  std::vector<double> numbers;
  double own = 0;
  for (const Row& row : table) {
    const std::optional<double> number =
        row.size() == 2 && label == 0 ? NumberOf(row[1]) : std::nullopt;
    if (!number.has_value()) return false;
    numbers.push_back(*number);
    if (&row == spoken.front()) own = *number;
  }
  const auto [least, most] = std::ranges::minmax(numbers);
  return std::ranges::any_of(extremes, [&](const Extreme& extreme) {
    const std::vector<std::string> of = ContentTerms(extreme.of);
    return own != (extreme.is_least ? least : most) &&
           std::ranges::any_of(
               of, [&](const std::string& word) { return outside.words.contains(word); });
  });
}

}  // namespace

bool ContradictsTable(absl::string_view claim, const std::vector<std::string>& passages) {
  std::vector<std::vector<Row>> tables;
  std::string outside;
  for (const std::string& passage : passages) {
    Parts parts(passage);
    absl::StrAppend(&outside, parts.outside);
    for (auto& table : parts.tables) tables.push_back(std::move(table));
  }
  if (tables.empty()) return false;
  const Content said(claim);
  const Content around(outside);
  return std::ranges::any_of(tables, [&](const std::vector<Row>& table) {
    return SaysOtherValue(said, table, around) || SaysOtherExtreme(said, table, around);
  });
}

}  // namespace sightline::query
