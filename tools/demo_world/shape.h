#pragma once

#include <array>
#include <vector>

namespace sightline::demo_world {

struct Point {
  double x = 0, y = 0;
};

// Maps the plane to the plane and keeps straight lines straight: row-major [3, 3], applied to
// (x, y, 1).
struct Projection {
  std::array<double, 9> m = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  Point operator()(Point p) const;
  Projection operator*(const Projection& first) const;  // `first` is applied first
  Projection Inverse() const;
};

struct PathStep {
  enum class Kind { kMove, kLine, kCurve, kClose };
  Kind kind = Kind::kMove;
  std::array<Point, 3> points;  // one of a move or line, three of a curve (the last its end)
};

enum class Coat {
  kPattern,  // colour and pattern of the item
  kColor,    // its colour alone
  kInk,      // dark on a light item, light on a dark one: the hands of a clock
};

// A part of a shape: an area, or a line when `line_width` > 0.
struct Part {
  std::vector<PathStep> path;
  double line_width = 0;
  double shade = 1;  // the colour's factor, 0 to 2
  Coat coat = Coat::kPattern;
};

// The outline of a kind of thing, in a square from -1 to 1, y down, that it fills in width or
// height. Later parts lie over earlier ones.
struct Shape {
  std::vector<Part> parts;
  double band = 0;  // height of the middle of the band, where the thing is widest seen
};

const Shape& ShapeOf(int kind);

struct Bounds {
  double left = 0, top = 0, right = 0, bottom = 0;
};
// Of the shape in that pose, or a little more.
Bounds BoundsOf(const Shape& shape, const Projection& pose);

// The length of a unit of the shape at its centre, averaged over directions.
double UnitOf(const Projection& pose);

}  // namespace sightline::demo_world
