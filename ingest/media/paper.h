#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sightline::media {

// Tells a picture that looks like a page (a scan, a screenshot, a photographed sheet) from others,
// by its brightnesses alone: much of it is bright and of one shade, and some of it is darker. The
// rows are counted as they pass, so it costs next to nothing.
class PaperMeter {
 public:
  // Of `width` pixels with `bands` bytes each: 1 or 2 = gray, else the first three are RGB.
  void AddRow(const uint8_t* row, int width, int bands);

  bool LooksLikePage() const;

 private:
  std::array<int64_t, 256> pixels_ = {};  // by brightness
  int width_ = 0;
  int rows_ = 0;
};

}  // namespace sightline::media
