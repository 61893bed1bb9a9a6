#pragma once

#include <cstdint>
#include <vector>

#include "tools/demo_world/catalogue.h"
#include "tools/demo_world/picture.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/shape.h"

namespace sightline::demo_world {

// Channels from 0 to 255, beyond them before a picture is developed.
struct Rgb {
  float r = 0, g = 0, b = 0;
};
inline Rgb operator+(Rgb a, Rgb b) { return {a.r + b.r, a.g + b.g, a.b + b.b}; }
inline Rgb operator*(Rgb a, float f) { return {a.r * f, a.g * f, a.b * f}; }
inline Rgb Mix(Rgb a, Rgb b, float part_of_b) { return a * (1 - part_of_b) + b * part_of_b; }

// What a photo is painted on.
struct Canvas {
  Canvas(int w, int h) : width(w), height(h), pixels(static_cast<size_t>(w) * h) {}
  int width, height;
  std::vector<Rgb> pixels;  // [height, width]
};

// A wall, a table, a cloth or the like, each of a colour that is none of `avoid` too closely.
void PaintBackground(Canvas& canvas, const std::vector<Look>& avoid, Random& random);

// Where the light comes from, as seen on the picture: a unit vector, y down.
struct Light {
  float x = 0, y = -1;
};

// The pixels that an item covers by more than half.
struct Coverage {
  int left = 0, top = 0, width = 0, height = 0;  // in pixels; may reach beyond the canvas
  std::vector<bool> covered;                     // [height, width]
};

// An item and its shadow. `pose` maps the square of its shape to pixels.
Coverage PaintItem(Canvas& canvas, const Look& look, const Projection& pose, Light light);

// Exposure, colour of the light, blur and noise; then whole numbers.
Picture Develop(const Canvas& canvas, Random& random);

}  // namespace sightline::demo_world
