#pragma once

#include <cstdint>
#include <optional>

#include "base/image.h"

namespace sightline::ingest {

// A hash that stays nearly the same when a picture is made smaller or larger, compressed again, or
// made a little lighter or darker: the signs, against their median, of the 64 lowest frequencies
// (1..8 in each direction) of the discrete cosine transform of its lightness on 32 x 32 fields.
// Alpha stands over white. Nothing for a picture that is all but one colour, whose signs would be
// noise. Pure; any thread.
std::optional<uint64_t> PictureHash(const Image& image);

}  // namespace sightline::ingest
