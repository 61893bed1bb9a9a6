#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::media {

// Where something stands on a page: in any unit, x to the right, y downwards.
struct Extent {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;

  double height() const { return y1 - y0; }
  double middle_x() const { return (x0 + x1) / 2; }
  double middle_y() const { return (y0 + y1) / 2; }
  void Include(const Extent& more) {
    x0 = std::min(x0, more.x0);
    y0 = std::min(y0, more.y0);
    x1 = std::max(x1, more.x1);
    y1 = std::max(y1, more.y1);
  }
};

struct PlacedWord {
  absl::string_view text;
  Extent extent;
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
