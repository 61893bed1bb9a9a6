#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"
#include "ingest/media/messages.h"
#include "ingest/media/reason.h"

namespace sightline::media {

// Reads what a page shows: title, headings, paragraphs, list items, tables (as Markdown), code,
// captions, and the words that stand for pictures. Scripts, styles and hidden parts are left out;
// nothing is fetched. `html` is UTF-8.
// kNone, kOutOfMemory, or kTooDeep: the parser's time grows with the square of the depth.
Reason ReadHtml(absl::string_view html, BlockSink& sink);

// The same of a chapter of a book, written as XML: its title is the book's and left out, and its
// pictures become figures by the addresses they have there.
Reason ReadXhtmlPart(absl::string_view xhtml, BlockSink& sink, std::vector<FigureRef>& figures);

}  // namespace sightline::media
