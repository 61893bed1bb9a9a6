#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace sightline::media {

struct JpegHeader {
  int width = 0;  // > 0, as stored: before any orientation mark is applied
  int height = 0;
  int scans = 0;  // places that look like the start of a scan, over the whole file
};

// Reads sizes without decoding. Empty when the bytes do not start as a JPEG file with a frame
// header.
std::optional<JpegHeader> ReadJpegHeader(absl::string_view bytes);

}  // namespace sightline::media
