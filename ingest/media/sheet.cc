#include "ingest/media/sheet.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "ingest/media/markdown_table.h"

namespace sightline::media {
namespace {

constexpr int kMaxCells = 500'000;
constexpr int kMaxColumns = 16'384;
constexpr ptrdiff_t kRowsOfPiece = 50;

}  // namespace

void Sheet::AddRow(int row, std::map<int, std::string> cells) {
  std::erase_if(cells,
                [](const auto& cell) { return absl::StripAsciiWhitespace(cell.second).empty(); });
  if (cells.empty() || overflowed_) return;
  cells_ += static_cast<int>(cells.size());
  if (cells_ > kMaxCells) {
    overflowed_ = true;
    return;
  }
  if (!rows_.empty() && row != rows_.back().number + 1) FinishTable();
  rows_.push_back({row, std::move(cells)});
}

void Sheet::Finish() { FinishTable(); }

void Sheet::FinishTable() {
  auto first = rows_.cbegin();
  const auto end = rows_.cend();
  // A title right above a table is not its first row.
  while (first != end && first->cells.size() == 1 &&
         (first + 1 == end || (first + 1)->cells.size() > 1)) {
    sink_.Add(BlockKind::kParagraph, first->cells.begin()->second);
    ++first;
  }
  if (first != end) {
    const Row& head = *first;
    auto begin = first + 1;
    do {
      const auto stop = end - begin > kRowsOfPiece ? begin + kRowsOfPiece : end;
      WritePiece(head, begin, stop);
      begin = stop;
    } while (begin != end);
  }
  rows_.clear();
}

void Sheet::WritePiece(const Row& head, std::vector<Row>::const_iterator begin,
                       std::vector<Row>::const_iterator end) {
  std::set<int> columns;
  for (const auto& [column, text] : head.cells) columns.insert(column);
  for (auto row = begin; row != end; ++row) {
    for (const auto& [column, text] : row->cells) columns.insert(column);
  }
  MarkdownTable table;
  table.Start();
  const auto write = [&](const Row& row) {
    table.StartRow();
    for (const int column : columns) {
      const auto cell = row.cells.find(column);
      table.AddCell(cell == row.cells.end() ? "" : cell->second);
    }
  };
  write(head);
  for (auto row = begin; row != end; ++row) write(*row);
  const int top = begin == end || begin->number == head.number + 1 ? head.number : begin->number;
  const int bottom = begin == end ? head.number : (end - 1)->number;
  sink_.Add(
      BlockKind::kHeading,
      absl::StrCat(ColumnName(*columns.begin()), top, ":", ColumnName(*columns.rbegin()), bottom),
      2);
  sink_.Add(BlockKind::kTable, table.Finish());
}

std::string ColumnName(int column) {
  std::string out;
  for (int rest = column + 1; rest > 0; rest = (rest - 1) / 26) {
    out.insert(out.begin(), static_cast<char>('A' + (rest - 1) % 26));
  }
  return out;
}

int ColumnOf(absl::string_view reference) {
  int column = 0;
  size_t letters = 0;
  while (letters < reference.size() && letters < 4 && absl::ascii_isupper(reference[letters])) {
    column = column * 26 + (reference[letters++] - 'A' + 1);
  }
  return letters == 0 || column > kMaxColumns ? -1 : column - 1;
}

}  // namespace sightline::media
