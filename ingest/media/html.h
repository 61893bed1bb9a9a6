#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"
#include "ingest/media/reason.h"

namespace sightline::media {

// Reads what a page shows: title, headings, paragraphs, list items, tables (as Markdown), code,
// captions, and the words that stand for pictures. Scripts, styles and hidden parts are left out;
// nothing is fetched. `html` is UTF-8.
// kNone, kOutOfMemory, or kTooDeep: the parser's time grows with the square of the depth.
Reason ReadHtml(absl::string_view html, BlockSink& sink);

}  // namespace sightline::media
