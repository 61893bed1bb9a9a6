#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::query {

// True for a line of a Markdown table: "| a | b |".
bool IsTableLine(absl::string_view line);

// True for the line under a table's head: "| --- | --- |".
bool IsTableRule(absl::string_view line);

// The cells of a line that IsTableLine, with "\\|" as "|" and no blanks at their ends; none of a
// line that rules ("| --- | --- |") or is empty. Pure; any thread.
std::vector<std::string> TableCells(absl::string_view line);

}  // namespace sightline::query
