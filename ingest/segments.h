#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/text_line.h"

// Cutting plain text after the Unicode rules, through ICU. `text` is valid UTF-8 everywhere. Pure
// functions; any thread. kInternal: ICU has no break rules (its data is not installed).
namespace sightline::ingest {

// `text` on one line: white space and control characters become one space, none at the ends; a line
// break between two East Asian characters becomes nothing; soft hyphens and byte order marks go.
std::string OnOneLine(absl::string_view text);
// The same; `lines`, those of `text`, become those of what comes back. A line that nothing is left
// of goes.
std::string OnOneLine(absl::string_view text, std::vector<TextLine>& lines);

// The sentences of `text` in order; joined they are `text` again, so each keeps the space behind
// it. A full stop after an abbreviation ("Dr.", "Fig.", "e.g.", an initial) ends none.
absl::StatusOr<std::vector<absl::string_view>> SplitSentences(absl::string_view text);

// Where to cut a text that is too long: the byte offset nearest to its middle at which a line may
// be broken, else between user-perceived characters, else between code points. 0 when it is one
// code point or less.
absl::StatusOr<size_t> BreakNearMiddle(absl::string_view text);

}  // namespace sightline::ingest
