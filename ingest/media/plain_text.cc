#include "ingest/media/plain_text.h"

#include <unicode/ucnv.h>
#include <unicode/ucsdet.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/utf8.h"

namespace sightline::media {
namespace {

constexpr size_t kGuessBytes = 64 << 10;
constexpr int kMinConfidence = 10;  // of 100; a Latin-1 page with few words in it gets about 15

bool IsTextControl(unsigned char c) {
  return c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == 0x1B;
}

// No NUL, and next to no control characters.
bool LooksLikeText(absl::string_view bytes) {
  size_t controls = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return false;
    if (byte == 0x7F || (byte < 0x20 && !IsTextControl(byte))) ++controls;
  }
  return controls * 500 <= bytes.size();
}

// Rubbish such as one byte repeated also fits some encoding; text has letters, and of several
// kinds.
bool HasVariety(absl::string_view bytes) {
  bool seen[256] = {};
  int kinds = 0;
  for (const char c : bytes.substr(0, kGuessBytes)) {
    bool& mark = seen[static_cast<unsigned char>(c)];
    kinds += mark ? 0 : 1;
    mark = true;
  }
  return kinds >= 4;
}

std::optional<std::string> Convert(absl::string_view bytes, const char* encoding) {
  UErrorCode error = U_ZERO_ERROR;
  const int32_t size = ucnv_convert("UTF-8", encoding, nullptr, 0, bytes.data(),
                                    static_cast<int32_t>(bytes.size()), &error);
  if (error != U_BUFFER_OVERFLOW_ERROR && U_FAILURE(error)) return std::nullopt;
  std::string out(static_cast<size_t>(size), '\0');
  error = U_ZERO_ERROR;
  ucnv_convert("UTF-8", encoding, out.data(), size, bytes.data(),
               static_cast<int32_t>(bytes.size()), &error);
  if (U_FAILURE(error)) return std::nullopt;
  return out;
}

std::optional<std::string> GuessEncoding(absl::string_view bytes) {
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UCharsetDetector, void (*)(UCharsetDetector*)> detector(ucsdet_open(&error),
                                                                                &ucsdet_close);
  const absl::string_view sample = bytes.substr(0, kGuessBytes);
  ucsdet_setText(detector.get(), sample.data(), static_cast<int32_t>(sample.size()), &error);
  const UCharsetMatch* match = ucsdet_detect(detector.get(), &error);
  if (U_FAILURE(error) || match == nullptr) return std::nullopt;
  const int32_t confidence = ucsdet_getConfidence(match, &error);
  const char* name = ucsdet_getName(match, &error);
  if (U_FAILURE(error) || confidence < kMinConfidence) return std::nullopt;
  return Convert(bytes, name);
}

// Past spaces and comments.
absl::string_view SkipToMarkup(absl::string_view text) {
  while (true) {
    text = absl::StripLeadingAsciiWhitespace(text);
    const bool declaration = absl::StartsWith(text, "<?xml");
    if (!declaration && !absl::StartsWith(text, "<!--")) return text;
    const absl::string_view close = declaration ? "?>" : "-->";
    const size_t end = text.find(close);
    if (end == absl::string_view::npos) return {};
    text.remove_prefix(end + close.size());
  }
}

bool IsHtmlPage(absl::string_view text) {
  const absl::string_view start = SkipToMarkup(text.substr(0, 4096));
  for (absl::string_view tag : {"<!doctype html", "<html", "<head", "<body"}) {
    if (absl::StartsWithIgnoreCase(start, tag)) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> DecodeText(absl::string_view bytes) {
  if (absl::ConsumePrefix(&bytes, "\xEF\xBB\xBF")) return ToValidUtf8(bytes);
  if (absl::StartsWith(bytes, "\xFF\xFE")) return Convert(bytes.substr(2), "UTF-16LE");
  if (absl::StartsWith(bytes, "\xFE\xFF")) return Convert(bytes.substr(2), "UTF-16BE");
  if (!LooksLikeText(bytes)) return std::nullopt;
  if (IsValidUtf8(bytes)) return std::string(bytes);
  if (!HasVariety(bytes)) return std::nullopt;
  return GuessEncoding(bytes);
}

TextFormat FormatOf(absl::string_view text, absl::string_view media_type,
                    absl::string_view extension) {
  const absl::string_view type =
      absl::StripAsciiWhitespace(media_type.substr(0, media_type.find(';')));
  const bool named_html = absl::EqualsIgnoreCase(type, "text/html") ||
                          absl::EqualsIgnoreCase(type, "application/xhtml+xml");
  const bool named_markdown = absl::EqualsIgnoreCase(type, "text/markdown") ||
                              absl::EqualsIgnoreCase(type, "text/x-markdown");
  if (named_html) return TextFormat::kHtml;
  if (named_markdown) return TextFormat::kMarkdown;
  if (IsHtmlPage(text)) return TextFormat::kHtml;
  if (!type.empty() && !absl::EqualsIgnoreCase(type, "application/octet-stream") &&
      !absl::EqualsIgnoreCase(type, "text/plain")) {
    return TextFormat::kPlain;
  }
  if (extension == "md" || extension == "markdown") return TextFormat::kMarkdown;
  if (extension == "html" || extension == "htm" || extension == "xhtml") return TextFormat::kHtml;
  return TextFormat::kPlain;
}

const char* MediaTypeOf(TextFormat format) {
  switch (format) {
    case TextFormat::kPlain: return "text/plain";
    case TextFormat::kMarkdown: return "text/markdown";
    case TextFormat::kHtml: return "text/html";
  }
  return "text/plain";
}

void ReadPlainText(absl::string_view text, BlockSink& sink) {
  size_t start = 0;  // of the paragraph
  size_t at = 0;     // of the line
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const bool blank = absl::StripAsciiWhitespace(text.substr(at, end - at)).empty();
    if (blank) {
      sink.Add(BlockKind::kParagraph, text.substr(start, at - start));
      start = end;
    }
    at = end + 1;
  }
  if (start < text.size()) sink.Add(BlockKind::kParagraph, text.substr(start));
}

}  // namespace sightline::media
