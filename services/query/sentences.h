#pragma once

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::query {

// Bytes [begin, end) of a text.
struct Span {
  size_t begin = 0;
  size_t end = 0;
};

// The sentences of `text` after the Unicode rules (ICU), in order and without gaps: each holds the
// white space behind it. A full stop after a common abbreviation or an initial ends none. `text` is
// valid UTF-8. Pure; any thread.
std::vector<Span> SplitSentences(absl::string_view text);

// Whether a sentence states anything: it has a letter or a digit of some script.
bool HasLetterOrDigit(absl::string_view text);

// `span` without the white space at its ends.
Span Trimmed(absl::string_view text, Span span);

}  // namespace sightline::query
