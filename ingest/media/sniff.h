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
  kPdf,
  kNotAllowed,  // a known signature that is not read: HEIC, BMP, SVG, archives, office files, …
};

// Looks at no more than the first 1024 bytes. One answer for a file that fits several (polyglots):
// a signature at the very start wins over a PDF header further in.
FileType SniffType(absl::string_view bytes);

inline bool IsPicture(FileType type) { return type >= FileType::kJpeg && type <= FileType::kTiff; }

// image/jpeg and so on; "" for kUnknown and kNotAllowed.
const char* MediaTypeOf(FileType type);

}  // namespace sightline::media
