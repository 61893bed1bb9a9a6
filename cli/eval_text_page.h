#pragma once

#include <string>
#include <vector>

#include "tools/demo_world/page.h"
#include "tools/demo_world/picture.h"

// Pages of the made-up shop as PDFs with a text layer, line by line where the drawn page has them.
namespace sightline::cli {

// The file of a page of one sheet.
std::string TextPage(const demo_world::PageContent& content, const demo_world::DrawnPage& drawn);

// Where that file has `line`, of a chart's row the value, in fractions of the sheet: from its
// letters' ascent to their descent.
demo_world::Box OnTextPage(const demo_world::PageContent& content, const demo_world::PageLine& line,
                           const demo_world::DrawnPage& drawn);

struct PlacedText {
  std::string text;
  demo_world::Box place;  // as of OnTextPage
};

// All that the file says, line by line; of a row each part, then all of it as a row of Markdown.
std::vector<PlacedText> TextsOnPage(const demo_world::PageContent& content,
                                    const demo_world::DrawnPage& drawn);

}  // namespace sightline::cli
