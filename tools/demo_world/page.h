#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/demo_world/catalogue.h"
#include "tools/demo_world/picture.h"

namespace sightline::demo_world {

enum class PageKind { kLabel, kPriceList, kInvoice, kStockTable, kBarChart, kSign };

struct PageRow {
  std::string label;               // mostly an item's full name; of a bar chart the month or place
  std::vector<std::string> cells;  // one a column after the first; of a bar chart one number
};

// What a page says, in its language. Fields that a kind of page does not have are empty.
struct PageContent {
  PageKind kind = PageKind::kLabel;
  Language language = Language::kEnglish;
  std::string title;                 // "Price list", "Invoice 4821", the name of a label's item
  std::vector<std::string> head;     // lines below the title: "Talvo Works", "2024-03-01"
  std::vector<std::string> columns;  // heads of the table's columns, as many as a row has parts
  std::vector<PageRow> rows;         // at most 6; of a label and a sign "Price" | "32.50"
  std::vector<std::string> foot;     // lines below: "Total 120.00"
};

// A line of a page as it is read: the parts of a row joined by a blank.
struct PageLine {
  std::string text;
  Box box;
  int row = -1;            // index of the row, -1 of other lines
  std::vector<Box> parts;  // of a row: its label, then its cells; of the columns' heads: each
};

struct DrawnPage {
  Picture picture;
  std::vector<PageLine> lines;  // in reading order
};

// The largest page has 320 x 256 pixels; sides are multiples of 32. Layout, font (of the Debian
// packages fonts-dejavu-core and fonts-wqy-microhei), letter size (14 to 22 pixels, titles and the
// values of labels and signs to 26), rules, colours, paper, light, slight rotation and noise vary
// with `view`. Boxes hold all ink of their letters and do not overlap. A line that finds no room is
// broken and makes two lines; a row is never broken.
DrawnPage DrawPage(const PageContent& content, uint64_t view);

// One line of words on a small picture, for learning to read: sides are multiples of 32, width to
// 320, height 32 or 64; drawn as lines of pages are. Longer words are made smaller.
Picture DrawWords(const std::string& text, uint64_t view);

}  // namespace sightline::demo_world
