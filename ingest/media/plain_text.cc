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
#include "ingest/media/csv.h"
#include "ingest/media/east_asian.h"
#include "ingest/media/subtitles.h"

namespace sightline::media {
namespace {

constexpr size_t kGuessBytes = 64 << 10;
constexpr int kMinConfidence = 10;  // of 100; a Latin-1 page with few words in it gets about 15
constexpr int kDoubtful = 40;

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

// How much of the text is what people write, read as UTF-16: ASCII, Latin letters, kana,
// ideographs, Hangul and their punctuation.
double ShareOfCommonUnits(absl::string_view bytes, bool big_endian) {
  size_t common = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto first = static_cast<unsigned char>(bytes[i]);
    const auto second = static_cast<unsigned char>(bytes[i + 1]);
    const unsigned unit = big_endian ? first << 8 | second : second << 8 | first;
    const bool ascii = unit < 0x7F && (unit >= 0x20 || IsTextControl(unit));
    common += ascii || (unit >= 0xA0 && unit < 0x0600) || (unit >= 0x2010 && unit < 0x2030) ||
                      (unit >= 0x3000 && unit < 0x3100) || (unit >= 0x4E00 && unit < 0x9FA6) ||
                      (unit >= 0xAC00 && unit < 0xD7A4) || (unit >= 0xFF00 && unit < 0xFF66)
                  ? 1
                  : 0;
  }
  return static_cast<double>(common) / static_cast<double>(bytes.size() / 2);
}

// Without a byte order mark. Spaces and line ends give it zero bytes, which no other text has.
std::optional<std::string> DecodeBareUtf16(absl::string_view bytes) {
  if (bytes.size() < 8 || bytes.size() % 2 != 0) return std::nullopt;
  if (bytes.find('\0') == absl::string_view::npos) return std::nullopt;
  const absl::string_view sample = bytes.substr(0, kGuessBytes);
  const double little = ShareOfCommonUnits(sample, false);
  const double big = ShareOfCommonUnits(sample, true);
  constexpr double kEnough = 0.97;
  if (std::max(little, big) < kEnough) return std::nullopt;
  return Convert(bytes, little > big ? "UTF-16LE" : "UTF-16BE");
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
  if (U_FAILURE(error)) return std::nullopt;
  if (confidence < kDoubtful) {
    if (const char* form = EastAsianByForm(bytes)) return Convert(bytes, form);
  }
  if (confidence < kMinConfidence) return std::nullopt;
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
  // Before UTF-16, whose mark begins the same.
  if (absl::StartsWith(bytes, absl::string_view("\xFF\xFE\0\0", 4))) {
    return Convert(bytes.substr(4), "UTF-32LE");
  }
  if (absl::StartsWith(bytes, absl::string_view("\0\0\xFE\xFF", 4))) {
    return Convert(bytes.substr(4), "UTF-32BE");
  }
  if (absl::StartsWith(bytes, "\xFF\xFE")) return Convert(bytes.substr(2), "UTF-16LE");
  if (absl::StartsWith(bytes, "\xFE\xFF")) return Convert(bytes.substr(2), "UTF-16BE");
  if (!LooksLikeText(bytes)) return DecodeBareUtf16(bytes);
  if (IsValidUtf8(bytes)) return std::string(bytes);
  if (!HasVariety(bytes)) return std::nullopt;
  return GuessEncoding(bytes);
}

std::optional<std::string> DecodeTextAs(absl::string_view bytes, const std::string& encoding) {
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UConverter, void (*)(UConverter*)> converter(
      ucnv_open(encoding.c_str(), &error), &ucnv_close);
  if (encoding.empty() || U_FAILURE(error)) return std::nullopt;
  return Convert(bytes, encoding.c_str());
}

TextFormat FormatOf(absl::string_view text, absl::string_view media_type,
                    absl::string_view extension) {
  const absl::string_view type =
      absl::StripAsciiWhitespace(media_type.substr(0, media_type.find(';')));
  const bool named_html = absl::EqualsIgnoreCase(type, "text/html") ||
                          absl::EqualsIgnoreCase(type, "application/xhtml+xml");
  const bool named_markdown = absl::EqualsIgnoreCase(type, "text/markdown") ||
                              absl::EqualsIgnoreCase(type, "text/x-markdown");
  const bool named_csv = absl::EqualsIgnoreCase(type, "text/csv") ||
                         absl::EqualsIgnoreCase(type, "text/tab-separated-values");
  if (named_html) return TextFormat::kHtml;
  if (named_markdown) return TextFormat::kMarkdown;
  if (IsHtmlPage(text)) return TextFormat::kHtml;
  if (const auto subtitles = SubtitlesOf(text)) {
    return *subtitles == SubtitleFormat::kWebVtt ? TextFormat::kWebVtt : TextFormat::kSubRip;
  }
  if (named_csv) return TextFormat::kCsv;
  if (!type.empty() && !absl::EqualsIgnoreCase(type, "application/octet-stream") &&
      !absl::EqualsIgnoreCase(type, "text/plain")) {
    return TextFormat::kPlain;
  }
  if (extension == "md" || extension == "markdown") return TextFormat::kMarkdown;
  if (extension == "html" || extension == "htm" || extension == "xhtml") return TextFormat::kHtml;
  if (extension == "csv" || extension == "tsv") return TextFormat::kCsv;
  return DelimiterOfPlainTable(text).has_value() ? TextFormat::kCsv : TextFormat::kPlain;
}

const char* MediaTypeOf(TextFormat format) {
  switch (format) {
    case TextFormat::kPlain: return "text/plain";
    case TextFormat::kMarkdown: return "text/markdown";
    case TextFormat::kHtml: return "text/html";
    case TextFormat::kCsv: return "text/csv";
    case TextFormat::kSubRip: return "application/x-subrip";
    case TextFormat::kWebVtt: return "text/vtt";
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
