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
    {"BM"sv, FileType::kBmp},  // BMP; checked further below
    {"PK\x03\x04"sv, FileType::kZip},
    {"PK\x05\x06"sv, FileType::kZip},               // empty
    {"\xD0\xCF\x11\xE0"sv, FileType::kNotAllowed},  // old office files
    {"{\\rtf"sv, FileType::kNotAllowed},
    {"\x1F\x8B"sv, FileType::kTar},  // gzip
    {"\xFD"
     "7zXZ"sv,
     FileType::kTar},
    {"BZh"sv, FileType::kTar},  // bzip2; checked further below
    {"7z\xBC\xAF\x27\x1C"sv, FileType::kNotAllowed},
    {"Rar!\x1A\x07"sv, FileType::kNotAllowed},
    {"\x28\xB5\x2F\xFD"sv, FileType::kTar},  // zstd
    {"8BPS"sv, FileType::kNotAllowed},       // PSD
    {"II+\0"sv, FileType::kNotAllowed},      // BigTIFF
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
    {"\x1A\x45\xDF\xA3"sv, FileType::kMatroska},  // or WebM; told apart further below
    {"OggS\0"sv, FileType::kOgg},
    {"\0\0\1\xBA"sv, FileType::kMpegPs},
    {"fLaC\0"sv, FileType::kNotAllowed},
    {"SQLite format 3\0"sv, FileType::kNotAllowed},
    {"#EXTM3U"sv, FileType::kNotAllowed},  // lists of other files
    {"ffconcat version"sv, FileType::kNotAllowed},
};

constexpr size_t kMailHeadBytes = 8192;

string_view View(std::string_view text) { return {text.data(), text.size()}; }

// "BM" alone also starts ordinary words; a bitmap has four zero bytes at 6.
bool IsTextStartingBm(string_view bytes) {
  return absl::StartsWith(bytes, "BM") &&
         (bytes.size() < 10 || bytes.substr(6, 4) != View("\0\0\0\0"sv));
}

// Of a file made of boxes: AVIF, HEIC, else a film or sound.
FileType BrandOf(string_view brand) {
  if (brand == "avif" || brand == "avis") return FileType::kAvif;
  for (string_view heic : {"heic", "heix", "heim", "heis", "mif1", "msf1"}) {
    if (brand == heic) return FileType::kHeic;
  }
  return FileType::kMp4;
}

// Films of before there were brands begin with one of their boxes.
bool IsOldQuickTime(string_view head) {
  const string_view box = head.substr(4, 4);
  return box == "moov" || box == "mdat" || box == "wide";
}

// Packets of a fixed length that all begin with the same byte, in Blu-ray's form behind a time of
// four bytes.
bool IsMpegTs(string_view bytes) {
  constexpr size_t kPacket = 188;
  constexpr size_t kPackets = 4;
  for (const size_t before : {size_t{0}, size_t{4}}) {
    const size_t step = kPacket + before;
    if (bytes.size() < kPackets * step) continue;
    bool all = true;
    for (size_t i = 0; i < kPackets; ++i) all = all && bytes[before + i * step] == 'G';
    if (all) return true;
  }
  return false;
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

// "BZh", a digit, and then the number pi.
bool IsTextStartingBzh(string_view bytes) {
  return absl::StartsWith(bytes, "BZh") &&
         (bytes.size() < 10 || bytes.substr(4, 6) != "\x31\x41\x59\x26\x53\x59");
}

// The mark of the POSIX header, or one file in the old form with a true checksum.
bool IsTar(string_view bytes) {
  if (bytes.size() < 512) return false;
  if (bytes.substr(257, 5) == "ustar") return true;
  unsigned sum = 0;
  for (size_t i = 0; i < 512; ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(bytes[i]);
  }
  unsigned stored = 0;
  for (const char c : absl::StripAsciiWhitespace(bytes.substr(148, 6))) {
    if (c < '0' || c > '7') return false;
    stored = stored * 8 + static_cast<unsigned>(c - '0');
  }
  return bytes[0] != '\0' && stored == sum;
}

// Lines "Name: value" from the start, with names that only mail has.
bool IsMail(string_view head) {
  absl::ConsumePrefix(&head, "\xEF\xBB\xBF");
  int marks = 0;
  while (!head.empty()) {
    const size_t end = head.find('\n');
    string_view line = head.substr(0, end);
    head.remove_prefix(end == string_view::npos ? head.size() : end + 1);
    if (absl::StripAsciiWhitespace(line).empty()) break;
    if (line[0] == ' ' || line[0] == '\t' || absl::StartsWith(line, "From ")) continue;
    const size_t colon = line.find(':');
    if (colon == string_view::npos || colon == 0) return end == string_view::npos && marks >= 2;
    const string_view name = line.substr(0, colon);
    if (name.find(' ') != string_view::npos) return false;
    for (string_view mark : {"From", "To", "Date", "Message-ID", "Received", "MIME-Version",
                             "Return-Path", "Delivered-To", "Subject", "Content-Type"}) {
      if (absl::EqualsIgnoreCase(name, mark)) ++marks;
    }
  }
  return marks >= 3;
}

// A new office file with a password: the old form of file around one that is encrypted.
bool IsLocked(string_view bytes) {
  return absl::StartsWith(bytes, "\xD0\xCF\x11\xE0") &&
         absl::StrContains(bytes, View("E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0"sv));
}

}  // namespace

FileType SniffType(string_view bytes) {
  const string_view head = bytes.substr(0, 1024);
  if (!IsTextStartingBm(head) && !IsTextStartingBzh(head)) {
    for (const Signature& signature : kSignatures) {
      if (!absl::StartsWith(head, View(signature.bytes))) continue;
      if (IsLocked(bytes)) return FileType::kLocked;
      const bool webm = signature.type == FileType::kMatroska && absl::StrContains(head, "webm");
      return webm ? FileType::kWebm : signature.type;
    }
  }
  if (head.size() >= 12) {
    if (absl::StartsWith(head, "RIFF") && head.substr(8, 4) == "WEBP") return FileType::kWebp;
    if (absl::StartsWith(head, "RIFF") && head.substr(8, 4) == "AVI ") return FileType::kAvi;
    if (absl::StartsWith(head, "RIFF") && absl::ascii_iscntrl(head[7]))
      return FileType::kNotAllowed;
    if (head.substr(4, 4) == "ftyp") return BrandOf(head.substr(8, 4));
    if (IsOldQuickTime(head)) return FileType::kMp4;
  }
  if (IsMpegTs(bytes)) return FileType::kMpegTs;
  if (IsTar(bytes)) return FileType::kTar;
  if (IsMail(bytes.substr(0, kMailHeadBytes))) return FileType::kMail;
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
    case FileType::kBmp: return "image/bmp";
    case FileType::kAvif: return "image/avif";
    case FileType::kHeic: return "image/heic";
    case FileType::kPdf: return "application/pdf";
    case FileType::kMp4: return "video/mp4";
    case FileType::kMatroska: return "video/x-matroska";
    case FileType::kWebm: return "video/webm";
    case FileType::kAvi: return "video/x-msvideo";
    case FileType::kMpegTs: return "video/mp2t";
    case FileType::kMpegPs: return "video/mpeg";
    case FileType::kOgg: return "video/ogg";
    case FileType::kZip:
    case FileType::kTar:
    case FileType::kMail:
    case FileType::kLocked:
    case FileType::kUnknown:
    case FileType::kNotAllowed: return "";
  }
  return "";
}

}  // namespace sightline::media
