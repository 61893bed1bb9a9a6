#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sightline::demo_world {

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;  // [height, width, 3]
};

// Left, top, right, bottom in fractions of the picture.
struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

// The bytes of a PNG file.
std::string EncodePng(const Picture& picture);

}  // namespace sightline::demo_world
