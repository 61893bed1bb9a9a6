#include "ingest/media/sniff.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace sightline::media {
namespace {

using absl::string_view;
using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  FileType type;
};

constexpr Signature kSignatures[] = {
    {"\xFF\xD8\xFF"sv, FileType::kJpeg},
    {"\x89PNG\r\n\x1A\n"sv, FileType::kPng},
    {"GIF87a"sv, FileType::kGif},
    {"GIF89a"sv, FileType::kGif},
    {"II*\0"sv, FileType::kTiff},
    {"MM\0*"sv, FileType::kTiff},
    {"%PDF-"sv, FileType::kPdf},
    {"BM"sv, FileType::kNotAllowed},                // BMP; checked further below
    {"PK\x03\x04"sv, FileType::kNotAllowed},        // ZIP, office files, EPUB
    {"PK\x05\x06"sv, FileType::kNotAllowed},        // empty ZIP
    {"\xD0\xCF\x11\xE0"sv, FileType::kNotAllowed},  // old office files
    {"{\\rtf"sv, FileType::kNotAllowed},
    {"\x1F\x8B"sv, FileType::kNotAllowed},  // gzip
    {"\xFD"
     "7zXZ"sv,
     FileType::kNotAllowed},
    {"7z\xBC\xAF\x27\x1C"sv, FileType::kNotAllowed},
    {"Rar!\x1A\x07"sv, FileType::kNotAllowed},
    {"\x28\xB5\x2F\xFD"sv, FileType::kNotAllowed},  // zstd
    {"8BPS"sv, FileType::kNotAllowed},              // PSD
    {"II+\0"sv, FileType::kNotAllowed},             // BigTIFF
    {"MM\0+"sv, FileType::kNotAllowed},
    {"\0\0\1\0"sv, FileType::kNotAllowed},  // ICO
    {"\xFF\x0A"sv, FileType::kNotAllowed},  // JPEG XL
    {"\0\0\0\x0CJXL "sv, FileType::kNotAllowed},
    {"\0\0\0\x0CjP  "sv, FileType::kNotAllowed},  // JPEG 2000
    {"\x7F"
     "ELF"sv,
     FileType::kNotAllowed},
    {"MZ\x90\0"sv, FileType::kNotAllowed},  // Windows program
    {"%!PS"sv, FileType::kNotAllowed},
    {"\x1A\x45\xDF\xA3"sv, FileType::kNotAllowed},  // Matroska, WebM
    {"OggS\0"sv, FileType::kNotAllowed},
    {"fLaC\0"sv, FileType::kNotAllowed},
    {"SQLite format 3\0"sv, FileType::kNotAllowed},
};

string_view View(std::string_view text) { return {text.data(), text.size()}; }

// "BM" alone also starts ordinary words; a bitmap has four zero bytes at 6.
bool IsTextStartingBm(string_view bytes) {
  return absl::StartsWith(bytes, "BM") &&
         (bytes.size() < 10 || bytes.substr(6, 4) != View("\0\0\0\0"sv));
}

// <svg …> first, or after an XML declaration, comments and a document type.
bool IsSvg(string_view head) {
  while (true) {
    head = absl::StripLeadingAsciiWhitespace(head);
    if (absl::StartsWithIgnoreCase(head, "<svg")) return true;
    const bool skipped = absl::StartsWith(head, "<?") || absl::StartsWith(head, "<!");
    if (!skipped) return false;
    const string_view close = absl::StartsWith(head, "<!--") ? "-->" : ">";
    const size_t end = head.find(close);
    // A document type that names SVG decides even when its end lies beyond what we look at.
    const string_view declaration = head.substr(0, end);
    if (absl::StartsWithIgnoreCase(declaration, "<!doctype") &&
        absl::StartsWithIgnoreCase(absl::StripLeadingAsciiWhitespace(declaration.substr(9)),
                                   "svg")) {
      return true;
    }
    if (end == string_view::npos) return false;
    head.remove_prefix(end + close.size());
  }
}

// Readers take a PDF whose header stands within the first 1024 bytes. The trailer is asked for too,
// so that a text that speaks of "%PDF-1.7" stays a text.
bool IsPdfAfterJunk(string_view bytes) {
  const size_t at = bytes.substr(0, 1024).find("%PDF-");
  if (at == string_view::npos) return false;
  const string_view tail = bytes.substr(bytes.size() - std::min<size_t>(bytes.size(), 2048));
  return absl::StrContains(tail, "startxref");
}

}  // namespace

FileType SniffType(string_view bytes) {
  const string_view head = bytes.substr(0, 1024);
  if (!IsTextStartingBm(head)) {
    for (const Signature& signature : kSignatures) {
      if (absl::StartsWith(head, View(signature.bytes))) return signature.type;
    }
  }
  if (head.size() >= 12) {
    if (absl::StartsWith(head, "RIFF") && head.substr(8, 4) == "WEBP") return FileType::kWebp;
    if (absl::StartsWith(head, "RIFF") && absl::ascii_iscntrl(head[7]))
      return FileType::kNotAllowed;
    if (head.substr(4, 4) == "ftyp") return FileType::kNotAllowed;  // HEIC, AVIF, MP4
  }
  if (IsPdfAfterJunk(bytes)) return FileType::kPdf;
  string_view text = head;
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  return IsSvg(text) ? FileType::kNotAllowed : FileType::kUnknown;
}

const char* MediaTypeOf(FileType type) {
  switch (type) {
    case FileType::kJpeg: return "image/jpeg";
    case FileType::kPng: return "image/png";
    case FileType::kWebp: return "image/webp";
    case FileType::kGif: return "image/gif";
    case FileType::kTiff: return "image/tiff";
    case FileType::kPdf: return "application/pdf";
    case FileType::kUnknown:
    case FileType::kNotAllowed: return "";
  }
  return "";
}

}  // namespace sightline::media
