#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"

namespace sightline::media {

// Turns what `pdftotext -bbox-layout` says of one page into blocks in its reading order. Lines are
// joined, words that a line end had split are made whole, text that is clearly larger than the
// page's is taken for a heading, what page_tables.h finds becomes Markdown. `width` and `height`
// are the page's in points, as displayed. kInvalidArgument: not such a document, or it holds no
// page.
absl::Status ReadPdfLayout(absl::string_view xhtml, double width, double height, BlockSink& sink);

}  // namespace sightline::media
