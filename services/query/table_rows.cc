#include "services/query/table_rows.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace sightline::query {
namespace {

std::string Taken(std::string& cell) {
  std::string out = std::exchange(cell, std::string());
  absl::StripAsciiWhitespace(&out);
  return out;
}

}  // namespace

bool IsTableLine(absl::string_view line) {
  return absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "|");
}

bool IsTableRule(absl::string_view line) {
  return IsTableLine(line) && line.find('-') != absl::string_view::npos &&
         absl::StripAsciiWhitespace(line).find_first_not_of("|-: ") == absl::string_view::npos;
}

std::vector<std::string> TableCells(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  std::vector<std::string> cells;
  if (line.find_first_not_of("|-: ") == absl::string_view::npos) return cells;
  std::string cell;
  for (size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += line[++i];
    } else if (line[i] == '|') {
      cells.push_back(Taken(cell));
    } else {
      cell += line[i];
    }
  }
  if (!absl::StripAsciiWhitespace(cell).empty()) cells.push_back(Taken(cell));
  return cells;
}

}  // namespace sightline::query
