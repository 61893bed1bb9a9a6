#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ingest/media/reason.h"

namespace sightline::media {

// A Windows bitmap without compression: 1, 4, 8, 16, 24 or 32 bits a pixel. libvips reads none
// itself.
struct BmpHeader {
  int width = 0;
  int height = 0;
};

// kBadImage: damaged, or packed in a way that is not read (run lengths, JPEG and PNG in it).
Reason ReadBmpHeader(absl::string_view bytes, BmpHeader& out);

// [height, width, 3] bytes of RGB from the top down, to `pixels`. The header was read before.
// kBadImage: cut.
Reason ReadBmpPixels(absl::string_view bytes, std::vector<uint8_t>& pixels);

}  // namespace sightline::media
