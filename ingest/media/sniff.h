#pragma once

#include "absl/strings/string_view.h"

namespace sightline::media {

// What the first bytes of a file say it is; names and Content-Type headers are never asked.
enum class FileType {
  kUnknown,  // no signature: text or rubbish
  kJpeg,
  kPng,
  kWebp,
  kGif,
  kTiff,
  kBmp,
  kAvif,
  kHeic,
  kPdf,
  kZip,   // an archive, DOCX, PPTX, XLSX, OpenDocument, EPUB: its entries tell
  kTar,   // also packed: gzip, bzip2, xz, Zstandard, whatever is in it
  kMail,  // begins with the header of a message
  kMp4,   // MP4, M4V, MOV, 3GP
  kMatroska,
  kWebm,
  kAvi,
  kMpegTs,
  kMpegPs,
  kOgg,
  kLocked,      // an office file that needs a password
  kNotAllowed,  // a known signature that is not read: SVG, old office files, RTF, …
};

// Looks at little more than the first bytes. One answer for a file that fits several (polyglots):
// a signature at the very start wins over a PDF header further in.
FileType SniffType(absl::string_view bytes);

inline bool IsPicture(FileType type) { return type >= FileType::kJpeg && type <= FileType::kHeic; }

// Read by Op::kDocument.
inline bool IsContainer(FileType type) {
  return type == FileType::kZip || type == FileType::kTar || type == FileType::kMail;
}

// What may hold moving pictures, or only sound.
inline bool IsVideo(FileType type) { return type >= FileType::kMp4 && type <= FileType::kOgg; }

// image/jpeg and so on; "" for all but pictures, PDF and videos. A video has the type of
// its container, also where there is only sound in it.
const char* MediaTypeOf(FileType type);

}  // namespace sightline::media
