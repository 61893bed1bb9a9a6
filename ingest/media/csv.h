#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"

namespace sightline::media {

// Tables of text: fields apart by a comma, semicolon, tab or bar, quoted with " where they hold
// one.

// The delimiter that cuts the first rows into equally many fields; ',' when none does.
char GuessDelimiter(absl::string_view text);

// The delimiter of a text that nobody calls a table, when it plainly is one: three rows or more,
// each of the same number of short fields. Empty for prose.
std::optional<char> DelimiterOfPlainTable(absl::string_view text);

// One table block, the first row as its head.
void ReadCsv(absl::string_view text, char delimiter, BlockSink& sink);

}  // namespace sightline::media
