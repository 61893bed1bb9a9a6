#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"

namespace sightline::media {

// Reads what a page shows: title, headings, paragraphs, list items, tables (as Markdown), code,
// captions, and the words that stand for pictures. Scripts, styles and hidden parts are left out;
// nothing is fetched. `html` is UTF-8. False when the page needs more memory than may be used for
// it.
bool ReadHtml(absl::string_view html, BlockSink& sink);

}  // namespace sightline::media
