#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/image.h"

namespace sightline::ingest {

// What is compared of two frames of a video.
struct FrameLook {
  static constexpr int kSide = 16;  // fields a side

  std::optional<uint64_t> hash;                       // PictureHash
  std::array<float, 3 * kSide * kSide> colours = {};  // the fields' means of red, green, blue
};

// `image` has three channels or four, of which the last is not looked at. Pure; any thread.
FrameLook LookOf(const Image& image);

// True when people would hardly see a difference. Stricter than near-duplicates of pictures: the
// slides of a talk share their light and shade, so that no part may differ by much either.
bool HardlyDiffer(const FrameLook& a, const FrameLook& b);

}  // namespace sightline::ingest
