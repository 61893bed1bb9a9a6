#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"
#include "ingest/media/markdown_table.h"
#include "ingest/media/messages.h"

namespace sightline::media {

// What office documents have in common: paragraphs (which may stand in each other), tables
// (likewise) and pictures, put into blocks and figures in reading order. A paragraph in a table is
// text of its cell, a table in a table too.
class Flow {
 public:
  Flow(BlockSink& sink, std::vector<FigureRef>& figures) : sink_(sink), figures_(figures) {}

  void StartParagraph() { open_.emplace_back(); }
  void Text(absl::string_view text);  // of the innermost open paragraph; without one it is dropped
  // Ends the innermost one. A caption is also that of the pictures just before it.
  void EndParagraph(BlockKind kind, int heading_level = 0);

  void StartTable();
  void StartRow();
  void StartCell();
  void EndCell(int columns = 1);  // covered by the cell, >= 1
  void EndTable();

  // A picture that is the entry `part` of the file; `caption` is what the document says of it.
  void AddFigure(std::string part, std::string caption);

 private:
  static constexpr int kMaxColumns = 1000;  // of one cell

  BlockSink& sink_;
  std::vector<FigureRef>& figures_;
  std::vector<std::string> open_;  // paragraphs
  int tables_ = 0;                 // open
  MarkdownTable table_;
  std::string cell_;
  size_t captioned_ = 0;  // the first of figures_ that a caption would belong to
};

}  // namespace sightline::media
