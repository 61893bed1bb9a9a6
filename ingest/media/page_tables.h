#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::media {

// A word on a page: its box in any unit, x to the right, y downwards.
struct PlacedWord {
  absl::string_view text;
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

// Words in the order in which they are read.
using PlacedLine = std::vector<PlacedWord>;

// Which word of which line.
struct WordPlace {
  size_t line = 0;
  size_t word = 0;
};

struct PageTable {
  using Cell = std::vector<WordPlace>;  // empty where the page leaves it so
  bool has_head = false;                // the first row names the columns
  std::vector<std::vector<Cell>> rows;  // two at least, each with as many cells
};

// The tables that stand on a page as nothing but words at places: rows of short cells apart from
// each other, which stand below those of the row before and of which a column has numbers. Without
// such a column there are three rows and columns at least, or it is a list of properties: two
// columns, the second with a number somewhere. So do the bars of a lying chart; of a standing one,
// whose numbers stand each over its label, the rows are label and number. No word is in two tables.
// Of a page with more than 5,000 words nothing is found. Pure; any thread.
std::vector<PageTable> FindTables(std::span<const PlacedLine> lines);

}  // namespace sightline::media
