#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "tools/demo_world/page.h"

namespace sightline::demo_world {

// All that a page says, a line each.
inline std::string PageText(const PageContent& page) {
  std::string text = absl::StrCat(page.title, "\n");
  for (const std::string& line : page.head) absl::StrAppend(&text, line, "\n");
  for (const PageRow& row : page.rows) {
    absl::StrAppend(&text, row.label);
    for (const std::string& cell : row.cells) absl::StrAppend(&text, " ", cell);
    absl::StrAppend(&text, "\n");
  }
  for (const std::string& line : page.foot) absl::StrAppend(&text, line, "\n");
  return text;
}

}  // namespace sightline::demo_world
