#pragma once

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"

namespace sightline::media {

// GitHub's Markdown with tables. Links keep their words, pictures their descriptions; HTML inside
// is read as a page's. `text` is UTF-8. False when it needs more memory than may be used for it.
bool ReadMarkdown(absl::string_view text, BlockSink& sink);

}  // namespace sightline::media
