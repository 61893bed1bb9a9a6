#include "ingest/media/markdown_table.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace sightline::media {
namespace {

// Filling up short rows must not turn one row of a thousand cells and a million of one into a
// giant.
constexpr size_t kMaxFilledCells = 200'000;

}  // namespace

void MarkdownTable::Start() {
  in_table_ = true;
  rows_.clear();
}

void MarkdownTable::StartRow() { rows_.emplace_back(); }

void MarkdownTable::AddCell(absl::string_view text) {
  if (rows_.empty()) StartRow();
  rows_.back().push_back(
      absl::StrReplaceAll(absl::StripAsciiWhitespace(text), {{"|", "\\|"}, {"\n", " "}}));
}

std::string MarkdownTable::Finish() {
  in_table_ = false;
  std::erase_if(rows_, [](const auto& row) { return row.empty(); });
  size_t columns = 0;
  for (const auto& row : rows_) columns = std::max(columns, row.size());
  const bool fill = columns * rows_.size() <= kMaxFilledCells;
  std::string out;
  for (size_t r = 0; r < rows_.size(); ++r) {
    out.push_back('|');
    for (const std::string& cell : rows_[r]) absl::StrAppend(&out, " ", cell, " |");
    for (size_t c = rows_[r].size(); fill && c < columns; ++c) out.append("  |");
    out.push_back('\n');
    if (r > 0) continue;
    out.push_back('|');
    for (size_t c = 0; c < columns; ++c) out.append(" --- |");
    out.push_back('\n');
  }
  rows_.clear();
  return out;
}

}  // namespace sightline::media
