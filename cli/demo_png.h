#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sightline::cli {

using Color = std::array<uint8_t, 3>;  // red, green, blue

// A picture for the demo's corpus, painted shape by shape. Not thread-safe.
class Canvas {
 public:
  Canvas(int width, int height, Color background);

  int width() const { return width_; }
  int height() const { return height_; }

  // Paints the pixels whose centre, in fractions of the picture, lies inside.
  void Fill(Color color, const std::function<bool(double x, double y)>& inside);
  // Darkens downwards, so that a background is not one flat colour.
  void Shade(double strength);

  // As a PNG with stored (not compressed) data: a writer that small needs no library.
  std::string EncodePng() const;

 private:
  const int width_;
  const int height_;
  std::vector<uint8_t> pixels_;  // [height, width, 3]
};

}  // namespace sightline::cli
