#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::media {

// Collects a table's cells and writes them as Markdown; the first row serves as its head.
class MarkdownTable {
 public:
  void Start();
  bool InTable() const { return in_table_; }
  void StartRow();
  void AddCell(absl::string_view text);  // of the current row
  // The table as text, short rows filled up; "" when it has no cells. No table is open then.
  std::string Finish();

 private:
  bool in_table_ = false;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sightline::media
