#pragma once

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"
#include "ingest/media/reason.h"

namespace sightline::media {

// GitHub's Markdown with tables. Links keep their words, pictures their descriptions; HTML inside
// is read as a page's. `text` is UTF-8. kNone, or as ReadHtml.
Reason ReadMarkdown(absl::string_view text, BlockSink& sink);

}  // namespace sightline::media
