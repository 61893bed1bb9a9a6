#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace sightline {

// A decoded picture: 8 bits a channel, sRGB, rows from the top, channels interleaved, no padding.
struct Image {
  int width = 0;                // pixels, > 0
  int height = 0;               // pixels, > 0
  int channels = 3;             // 3 = RGB, 4 = RGBA with straight alpha
  std::vector<uint8_t> pixels;  // [height, width, channels]
};

// Pictures are large and never change once decoded, so they are passed on shared.
using ImagePtr = std::shared_ptr<const Image>;

// Frames of a video in order, and how many a second they were taken at.
struct VideoFrames {
  std::vector<ImagePtr> frames;
  double fps = 2.0;
};

// A rectangle in fractions of its page or picture, y downwards: 0 <= x0 < x1 <= 1, 0 <= y0 < y1
// <= 1.
struct Box {
  float x0 = 0;
  float y0 = 0;
  float x1 = 1;
  float y1 = 1;
};

// The bounds above hold; false where one side is not a number.
inline bool IsBox(const Box& box) {
  return box.x0 >= 0 && box.x0 < box.x1 && box.x1 <= 1 && box.y0 >= 0 && box.y0 < box.y1 &&
         box.y1 <= 1;
}

// The smallest that holds both.
inline Box Around(const Box& a, const Box& b) {
  return {std::min(a.x0, b.x0), std::min(a.y0, b.y0), std::max(a.x1, b.x1), std::max(a.y1, b.y1)};
}

}  // namespace sightline
