#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"

namespace sightline::media {

enum class SubtitleFormat { kSubRip, kWebVtt };

// What the first lines say; nothing when they are of no subtitles.
std::optional<SubtitleFormat> SubtitlesOf(absl::string_view text);

// Each cue becomes a paragraph with its time; marks of style, notes and numbers are left out, and
// so are lines that a rolling caption shows again. Reads both formats; what fits neither is
// skipped.
void ReadSubtitles(absl::string_view text, BlockSink& sink);

}  // namespace sightline::media
