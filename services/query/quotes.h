#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/query/sentences.h"

namespace sightline::query {

// A part of a passage that says something by itself.
struct Quote {
  Span span;         // its bytes in the passage's text, without blanks at their ends
  std::string text;  // as it is quoted, on one line
  // kFragment: few words that no sentence mark ends.
  enum class Kind { kSentence, kRow, kFragment };
  Kind kind = Kind::kSentence;
  bool goes_on = false;  // a sentence behind another of the same line: "It opened in 1920."
};

// The parts of a passage's text, in order:
// - its sentences, word for word;
// - each row of its Markdown tables, with the names of the columns that the table has: "Item: Mug,
//   Price: 3.50", else "Mug: 3.50" of two cells and "Mug, 3.50, 7" of more;
// - neighbouring lines without a sentence mark, as labels and signs have them, together, up to 240
//   bytes: "Mug · Price · 3.50".
// Numbers in brackets, which could pass for markers, are left out; a part of more than `max_bytes`
// is cut at a word. Pure; any thread.
std::vector<Quote> QuotesOf(absl::string_view text, size_t max_bytes);

}  // namespace sightline::query
