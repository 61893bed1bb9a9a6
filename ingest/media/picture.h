#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ingest/media/messages.h"
#include "ingest/media/unique_fd.h"

namespace sightline::media {

// Pictures through libvips: JPEG, PNG, WebP, GIF (first frame), TIFF (first page), AVIF, HEIC, and
// BMP, which is read here. All other loaders are blocked. The type, size and shape are checked from
// the header before anything is decoded; a file that is cut or damaged is refused as a whole. In
// the process's one thread; failures are replies with a reason.

// Once, before the sandbox closes. `argv0` is the program's name.
bool StartPictures(const char* argv0);

// width, height, channels; the pixels go to `attachment`, a sealed memory file.
Reply DecodePicture(const Setup& setup, absl::string_view bytes, UniqueFd& attachment);

// JPEG of at most max_side pixels to `encoded`.
Reply MakeThumbnail(const Setup& setup, absl::string_view bytes, int max_side,
                    std::string& encoded);

// The heat of kHeat, cells made smooth, over the picture or alone on a transparent ground, as PNG
// of at most request.max_side pixels to `encoded`. The picture is never enlarged.
Reply DrawHeat(const Setup& setup, absl::string_view bytes, const Request& request,
               std::string& encoded);

// Decodes all of it. Then the file itself serves as the picture, or, when it is of a type that
// browsers do not show or that holds several pictures, its first one encoded anew to `encoded`.
// Tells whether it looks like a page.
Reply ExtractPicture(const Setup& setup, absl::string_view bytes, std::string& encoded);

// The picture as its words are read best: upright, gray on white, of a size at which print is about
// as high as the reader was taught with. width, height; a byte a pixel to `gray`.
Reply DecodeForReading(const Setup& setup, absl::string_view bytes, std::vector<uint8_t>& gray);

}  // namespace sightline::media
