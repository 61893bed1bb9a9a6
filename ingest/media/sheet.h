#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"

namespace sightline::media {

// Puts the filled cells of a sheet into blocks. Rows without an empty one between them are a table,
// written in pieces of some rows, each under the range it covers ("A1:D51") as a heading of level 2
// and beginning with the table's first row. A cell on its own is a paragraph.
class Sheet {
 public:
  explicit Sheet(BlockSink& sink) : sink_(sink) {}

  // Rows from 1 up, columns from 0. Rows come in order. Empty cells are left out.
  void AddRow(int row, std::map<int, std::string> cells);
  void Finish();

  // More cells came than are taken; what is beyond was dropped.
  bool overflowed() const { return overflowed_; }

 private:
  struct Row {
    int number = 0;
    std::map<int, std::string> cells;
  };
  void FinishTable();
  void WritePiece(const Row& head, std::vector<Row>::const_iterator begin,
                  std::vector<Row>::const_iterator end);

  BlockSink& sink_;
  std::vector<Row> rows_;  // of the table at hand
  int cells_ = 0;
  bool overflowed_ = false;
};

// "A", "Z", "AA", … of a column from 0.
std::string ColumnName(int column);

// The column of "BC12", from 0; -1 when it is no such reference or lies beyond the last, "XFD".
int ColumnOf(absl::string_view reference);

}  // namespace sightline::media
