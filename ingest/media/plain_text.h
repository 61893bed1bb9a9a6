#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "ingest/media/block_sink.h"

namespace sightline::media {

enum class TextFormat { kPlain, kMarkdown, kHtml, kCsv, kSubRip, kWebVtt };

// The text as UTF-8: by its byte order mark, else as UTF-8 if it is that, else as UTF-16 when that
// makes words of it, else by the encoding that fits best (GB18030, Big5, Shift-JIS, Windows-1252,
// …). Empty when it does not look like text at all.
std::optional<std::string> DecodeText(absl::string_view bytes);

// Text in the encoding that a file names, e.g. "gb2312"; empty when there is no such encoding.
std::optional<std::string> DecodeTextAs(absl::string_view bytes, const std::string& encoding);

// Which of the text formats: the content when it plainly is an HTML page or subtitles, else the
// media type, else
// the extension (lower case, without the dot), else a table when it plainly is one.
TextFormat FormatOf(absl::string_view text, absl::string_view media_type,
                    absl::string_view extension);

// text/plain, text/markdown, text/html, text/csv, application/x-subrip, text/vtt.
const char* MediaTypeOf(TextFormat format);

// Paragraphs are what blank lines separate; their inner line ends stay.
void ReadPlainText(absl::string_view text, BlockSink& sink);

}  // namespace sightline::media
