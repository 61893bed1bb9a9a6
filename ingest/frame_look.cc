#include "ingest/frame_look.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

#include "ingest/picture_hash.h"

namespace sightline::ingest {
namespace {

constexpr int kNearBits = 6;       // of the hashes' 64
constexpr float kNearColour = 12;  // of 255; coding changes a field's mean by about 2

}  // namespace

FrameLook LookOf(const Image& image) {
  constexpr int kSide = FrameLook::kSide;
  FrameLook look;
  look.hash = PictureHash(image);
  for (int fy = 0; fy < kSide; ++fy) {
    const int y0 = fy * image.height / kSide;
    const int y1 = std::max(y0 + 1, (fy + 1) * image.height / kSide);
    for (int fx = 0; fx < kSide; ++fx) {
      const int x0 = fx * image.width / kSide;
      const int x1 = std::max(x0 + 1, (fx + 1) * image.width / kSide);
      float* const mean = &look.colours[3 * (static_cast<size_t>(fy) * kSide + fx)];
      const float share = 1.0f / static_cast<float>((y1 - y0) * (x1 - x0));
      for (int y = y0; y < y1; ++y) {
        const uint8_t* pixel =
            &image.pixels[(static_cast<size_t>(y) * image.width + x0) * image.channels];
        for (int x = x0; x < x1; ++x, pixel += image.channels) {
          for (int c = 0; c < 3; ++c) mean[c] += static_cast<float>(pixel[c]) * share;
        }
      }
    }
  }
  return look;
}

bool HardlyDiffer(const FrameLook& a, const FrameLook& b) {
  if (a.hash.has_value() != b.hash.has_value()) return false;
  if (a.hash.has_value() && std::popcount(*a.hash ^ *b.hash) > kNearBits) return false;
  for (size_t i = 0; i < a.colours.size(); ++i) {
    if (std::abs(a.colours[i] - b.colours[i]) > kNearColour) return false;
  }
  return true;
}

}  // namespace sightline::ingest
