#include "ingest/media/page_tables.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

namespace sightline::media {
namespace {

constexpr size_t kMostWords = 5000;
// In heights of a line: the least gap between two cells, the largest between two rows, and between
// the middles of two cells of one.
constexpr double kCellGap = 0.9;
constexpr double kRowGap = 2.5;
constexpr double kSameHeight = 0.5;
// Words of a cell: sentences stand in columns too.
constexpr double kMeanWords = 4;
constexpr double kMeanWordsWithoutNumbers = 3;
constexpr double kMeanWordsOfProperties = 2;
constexpr size_t kMostCellWords = 12;
constexpr size_t kMostLabelWords = 3;  // of a bar
// Of the distance between two bars, how far a label may stand from the middle of its number.
constexpr double kAside = 0.3;

// False for what is no place, and where the sides of a page would not be either.
bool HasArea(const Extent& extent) {
  constexpr double kFarthest = 1e6;
  return extent.x0 < extent.x1 && extent.y0 < extent.y1 && extent.x0 > -kFarthest &&
         extent.y0 > -kFarthest && extent.x1 < kFarthest && extent.y1 < kFarthest;
}

// A number as tables have them: with signs, currencies, units of per cent; a date; no letters.
bool IsNumber(absl::string_view word) {
  const std::string plain = absl::StrReplaceAll(
      word, {{"€", ""}, {"£", ""}, {"¥", ""}, {"￥", ""}, {"−", "-"}, {"–", "-"}, {"％", "%"}});
  bool digits = false;
  for (const char c : plain) {
    if (absl::ascii_isdigit(c)) {
      digits = true;
    } else if (absl::string_view("$.,:%+-/()'").find(c) == absl::string_view::npos) {
      return false;
    }
  }
  return digits;
}

// Words of a line that no wide gap parts: what may be a cell.
struct Run {
  size_t line = 0;
  size_t first = 0, end = 0;  // words
  Extent extent;
  bool is_number = false;  // all of its words
  bool taken = false;      // by a table

  size_t words() const { return end - first; }
};

std::vector<Run> RunsOf(std::span<const PlacedLine> lines) {
  std::vector<Run> runs;
  for (size_t l = 0; l < lines.size(); ++l) {
    for (size_t w = 0; w < lines[l].size(); ++w) {
      const PlacedWord& word = lines[l][w];
      const Extent& extent = word.extent;
      if (!HasArea(extent)) continue;
      const bool goes_on = w > 0 && !runs.empty() && runs.back().line == l &&
                           runs.back().end == w &&
                           std::abs(extent.x0 - runs.back().extent.x1) <
                               kCellGap * std::min(extent.height(), runs.back().extent.height());
      if (goes_on) {
        runs.back().end = w + 1;
        runs.back().extent.Include(extent);
        runs.back().is_number = runs.back().is_number && IsNumber(word.text);
      } else {
        runs.push_back({.line = l,
                        .first = w,
                        .end = w + 1,
                        .extent = extent,
                        .is_number = IsNumber(word.text)});
      }
    }
  }
  return runs;
}

// What stands at one height of the page, from left to right.
struct Row {
  std::vector<Run*> runs;
  Extent extent;
  bool is_clean = true;  // no two overlap
};

std::vector<Row> RowsOf(std::vector<Run>& runs) {
  std::vector<Run*> order;
  for (Run& run : runs) order.push_back(&run);
  std::ranges::sort(
      order, {}, [](const Run* run) { return std::pair(run->extent.middle_y(), run->extent.x0); });
  std::vector<Row> rows;
  for (Run* const run : order) {
    const Run* const first = rows.empty() ? nullptr : rows.back().runs.front();
    const bool same = first != nullptr &&
                      run->extent.middle_y() - first->extent.middle_y() <=
                          kSameHeight * std::min(run->extent.height(), first->extent.height());
    if (!same) rows.push_back({.runs = {}, .extent = run->extent});
    rows.back().runs.push_back(run);
    rows.back().extent.Include(run->extent);
  }
  for (Row& row : rows) {
    std::ranges::sort(row.runs, {}, [](const Run* run) { return run->extent.x0; });
    for (size_t i = 1; i < row.runs.size(); ++i) {
      if (row.runs[i]->extent.x0 < row.runs[i - 1]->extent.x1) row.is_clean = false;
    }
  }
  return rows;
}

double LineHeight(const Row& row) { return row.runs.front()->extent.height(); }

// Rows whose cells stand below each other, while it grows.
class Columns {
 public:
  explicit Columns(const Row& first) : bottom_(&first) {
    rows_.emplace_back();
    for (Run* const run : first.runs) {
      spans_.push_back({run->extent.x0, run->extent.x1});
      rows_.back().push_back(run);
    }
  }

  // False: the row does not go on with the table, which stays as it was.
  bool Add(const Row& row) {
    if (!row.is_clean || row.runs.size() < 2) return false;
    if (row.extent.y0 - bottom_->extent.y1 > kRowGap * LineHeight(*bottom_)) return false;
    std::vector<size_t> columns;
    for (const Run* const run : row.runs) {
      const std::optional<size_t> column = ColumnOf(*run);
      if (!column.has_value() || (!columns.empty() && *column <= columns.back())) {
        return AddBar(row);
      }
      columns.push_back(*column);
    }
    Take(row, columns);
    return true;
  }

  // Numbers there are, words are few, rows are enough.
  bool IsTable() const {
    size_t words = 0, cells = 0, most = 0;
    for (const auto& row : rows_) {
      for (const Run* const run : row) {
        if (run == nullptr) continue;
        words += run->words();
        most = std::max(most, run->words());
        ++cells;
      }
    }
    if (rows_.size() < 2 || most > kMostCellWords) return false;
    const double mean = static_cast<double>(words) / static_cast<double>(cells);
    for (size_t column = 1; column < spans_.size(); ++column) {
      if (IsOfNumbers(column)) return mean <= kMeanWords;
    }
    // A list of properties: price, maker, place.
    if (spans_.size() == 2 && HasNumber(1) && !HasNumber(0) && mean <= kMeanWordsOfProperties) {
      return true;
    }
    return rows_.size() >= 3 && spans_.size() >= 3 && mean <= kMeanWordsWithoutNumbers;
  }

  PageTable Finish() {
    PageTable table;
    table.has_head = spans_.size() > 2 || IsOfNumbers(1);
    for (size_t column = 0; column < spans_.size(); ++column) {
      const Run* const head = rows_.front()[column];
      if (IsOfNumbers(column) && head != nullptr && head->is_number) table.has_head = false;
    }
    for (auto& row : rows_) {
      auto& cells = table.rows.emplace_back();
      for (Run* const run : row) {
        auto& cell = cells.emplace_back();
        if (run == nullptr) continue;
        run->taken = true;
        for (size_t w = run->first; w < run->end; ++w) cell.push_back({run->line, w});
      }
    }
    return table;
  }

 private:
  struct Span {
    double x0, x1;
  };

  // The only column that stands above it.
  std::optional<size_t> ColumnOf(const Run& run) const {
    std::optional<size_t> found;
    for (size_t c = 0; c < spans_.size(); ++c) {
      if (run.extent.x0 >= spans_[c].x1 || run.extent.x1 <= spans_[c].x0) continue;
      if (found.has_value()) return std::nullopt;
      found = c;
    }
    return found;
  }

  // The numbers of a lying chart stand where its bars end.
  bool AddBar(const Row& row) {
    if (spans_.size() != 2 || row.runs.size() != 2 || ColumnOf(*row.runs[0]) != 0) return false;
    if (!row.runs[1]->is_number || row.runs[1]->extent.x0 < spans_[0].x1) return false;
    for (const auto& above : rows_) {
      if (above[1] == nullptr || !above[1]->is_number) return false;
    }
    Take(row, {0, 1});
    return true;
  }

  void Take(const Row& row, const std::vector<size_t>& columns) {
    auto& cells = rows_.emplace_back(spans_.size(), nullptr);
    for (size_t i = 0; i < columns.size(); ++i) {
      cells[columns[i]] = row.runs[i];
      Span& span = spans_[columns[i]];
      span.x0 = std::min(span.x0, row.runs[i]->extent.x0);
      span.x1 = std::max(span.x1, row.runs[i]->extent.x1);
    }
    bottom_ = &row;
  }

  bool HasNumber(size_t column) const {
    return std::ranges::any_of(
        rows_, [&](const auto& row) { return row[column] != nullptr && row[column]->is_number; });
  }

  bool IsOfNumbers(size_t column) const {
    size_t numbers = 0, filled = 0;
    for (const auto& row : rows_) {
      if (row[column] == nullptr) continue;
      ++filled;
      numbers += row[column]->is_number ? 1 : 0;
    }
    return numbers >= 2 && 2 * numbers >= filled;
  }

  const Row* bottom_;
  std::vector<Span> spans_;
  std::vector<std::vector<Run*>> rows_;  // null: an empty cell
};

void FindRowed(const std::vector<Row>& rows, std::vector<PageTable>& out) {
  for (size_t i = 0; i < rows.size();) {
    if (!rows[i].is_clean || rows[i].runs.size() < 2) {
      ++i;
      continue;
    }
    Columns columns(rows[i]);
    size_t end = i + 1;
    while (end < rows.size() && columns.Add(rows[end])) ++end;
    if (columns.IsTable()) {
      out.push_back(columns.Finish());
      i = end;
    } else {
      ++i;
    }
  }
}

// The numbers that stand over the labels of a row, with nothing else between; from left to right.
std::vector<Run*> NumbersOver(const Row& labels, std::vector<Run>& runs) {
  const double height = LineHeight(labels);
  const auto is_over = [&](const Run& run) {
    return run.extent.y1 <= labels.extent.y0 + 0.5 * height;
  };
  double top = -std::numeric_limits<double>::infinity();
  for (const Run& run : runs) {
    const bool beside = run.extent.x1 <= labels.extent.x0 || run.extent.x0 >= labels.extent.x1;
    if (!run.is_number && is_over(run) && !beside) top = std::max(top, run.extent.middle_y());
  }
  std::vector<Run*> numbers;
  for (Run& run : runs) {
    const double x = run.extent.middle_x();
    if (run.is_number && run.words() == 1 && !run.taken && is_over(run) &&
        run.extent.middle_y() > top && x > labels.extent.x0 - height &&
        x < labels.extent.x1 + height) {
      numbers.push_back(&run);
    }
  }
  std::ranges::sort(numbers, {}, [](const Run* run) { return run->extent.x0; });
  return numbers;
}

// The row's words under the number that each is next to; nothing unless they are its label beyond
// doubt.
std::optional<PageTable> StandingChart(const Row& labels, const std::vector<Run*>& numbers,
                                       std::span<const PlacedLine> lines) {
  double apart = std::numeric_limits<double>::infinity();
  for (size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i]->extent.x0 < numbers[i - 1]->extent.x1) return std::nullopt;
    apart = std::min(apart, numbers[i]->extent.middle_x() - numbers[i - 1]->extent.middle_x());
  }
  struct Label {
    PageTable::Cell words;
    Extent extent;
  };
  std::vector<Label> of(numbers.size());
  for (const Run* const run : labels.runs) {
    for (size_t w = run->first; w < run->end; ++w) {
      const Extent& word = lines[run->line][w].extent;
      const auto next = std::ranges::min_element(numbers, {}, [&](const Run* number) {
        return std::abs(number->extent.middle_x() - word.middle_x());
      });
      Label& label = of[static_cast<size_t>(next - numbers.begin())];
      if (label.words.empty()) label.extent = word;
      label.extent.Include(word);
      label.words.push_back({run->line, w});
    }
  }
  PageTable table;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const double aside = std::abs(of[i].extent.middle_x() - numbers[i]->extent.middle_x());
    const size_t words = of[i].words.size();
    if (words == 0 || words > kMostLabelWords || aside > kAside * apart) return std::nullopt;
    table.rows.push_back({of[i].words, {{numbers[i]->line, numbers[i]->first}}});
  }
  return table;
}

void FindStanding(const std::vector<Row>& rows, std::span<const PlacedLine> lines,
                  std::vector<Run>& runs, std::vector<PageTable>& out) {
  for (const Row& row : rows) {
    const bool are_labels = row.is_clean && std::ranges::none_of(row.runs, [](const Run* run) {
                              return run->is_number || run->taken;
                            });
    if (!are_labels) continue;
    const std::vector<Run*> numbers = NumbersOver(row, runs);
    if (numbers.size() < 2) continue;
    std::optional<PageTable> table = StandingChart(row, numbers, lines);
    if (!table.has_value()) continue;
    for (Run* const run : row.runs) run->taken = true;
    for (Run* const run : numbers) run->taken = true;
    out.push_back(*std::move(table));
  }
}

}  // namespace

std::vector<PageTable> FindTables(std::span<const PlacedLine> lines) {
  size_t words = 0;
  for (const PlacedLine& line : lines) words += line.size();
  std::vector<PageTable> out;
  if (words > kMostWords) return out;
  std::vector<Run> runs = RunsOf(lines);
  const std::vector<Row> rows = RowsOf(runs);
  FindRowed(rows, out);
  FindStanding(rows, lines, runs, out);
  return out;
}

}  // namespace sightline::media
