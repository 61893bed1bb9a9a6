#include "tools/demo_world/shape.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "tools/demo_world/catalogue.h"

namespace sightline::demo_world {
namespace {

// Reads numbers and commands as SVG writes paths: M and L with a point, C with three, Z, and of our
// own E with centre and radii of an ellipse, R with corner, width and height of a rectangle.
std::vector<PathStep> ReadPath(const char* text) {
  using Kind = PathStep::Kind;
  std::vector<PathStep> path;
  const auto number = [&] {
    char* end = nullptr;
    const double value = std::strtod(text, &end);
    text = end;
    return value;
  };
  const auto point = [&] {
    const double x = number();
    return Point{x, number()};
  };
  const auto add = [&](Kind kind, Point a = {}, Point b = {}, Point c = {}) {
    path.push_back({kind, {a, b, c}});
  };
  while (*text != '\0') {
    switch (*text++) {
      case 'M': add(Kind::kMove, point()); break;
      case 'L': add(Kind::kLine, point()); break;
      case 'C': {
        const Point a = point(), b = point(), c = point();
        add(Kind::kCurve, a, b, c);
        break;
      }
      case 'E': {
        const Point c = point(), r = point();
        const Point k = {r.x * 0.5523, r.y * 0.5523};  // of the Bezier curve nearest to a quarter
        add(Kind::kMove, {c.x + r.x, c.y});
        add(Kind::kCurve, {c.x + r.x, c.y + k.y}, {c.x + k.x, c.y + r.y}, {c.x, c.y + r.y});
        add(Kind::kCurve, {c.x - k.x, c.y + r.y}, {c.x - r.x, c.y + k.y}, {c.x - r.x, c.y});
        add(Kind::kCurve, {c.x - r.x, c.y - k.y}, {c.x - k.x, c.y - r.y}, {c.x, c.y - r.y});
        add(Kind::kCurve, {c.x + k.x, c.y - r.y}, {c.x + r.x, c.y - k.y}, {c.x + r.x, c.y});
        add(Kind::kClose);
        break;
      }
      case 'R': {
        const Point c = point(), size = point();
        add(Kind::kMove, c);
        add(Kind::kLine, {c.x + size.x, c.y});
        add(Kind::kLine, {c.x + size.x, c.y + size.y});
        add(Kind::kLine, {c.x, c.y + size.y});
        add(Kind::kClose);
        break;
      }
      case 'Z': add(Kind::kClose); break;
      default: break;  // a blank
    }
  }
  return path;
}

Part Area(const char* path, double shade = 1, Coat coat = Coat::kPattern) {
  return {ReadPath(path), 0, shade, coat};
}
Part Line(const char* path, double width, double shade = 0.8, Coat coat = Coat::kColor) {
  return {ReadPath(path), width, shade, coat};
}

Shape Mug() {
  return {{Line("M 0.4 -0.4 C 1.15 -0.5 1.15 0.6 0.38 0.5", 0.2),
           Area("M -0.85 -0.7 L -0.78 0.68 C -0.76 0.95 0.38 0.95 0.4 0.68 L 0.47 -0.7 Z"),
           Area("E -0.19 -0.7 0.66 0.18", 1.08, Coat::kColor),
           Area("E -0.19 -0.69 0.54 0.12", 0.45, Coat::kColor)},
          0.1};
}

Shape Bottle() {
  return {{Area("M -0.44 -0.15 C -0.44 -0.42 -0.17 -0.38 -0.17 -0.62 L -0.17 -0.85 L 0.17 -0.85 "
                "L 0.17 -0.62 C 0.17 -0.38 0.44 -0.42 0.44 -0.15 L 0.44 0.9 "
                "C 0.44 1.02 -0.44 1.02 -0.44 0.9 Z"),
           Area("R -0.22 -1 0.44 0.2", 0.6, Coat::kColor)},
          0.35};
}

Shape Vase() {
  return {{Line("M -0.2 -0.72 C -0.85 -0.95 -0.95 -0.3 -0.52 -0.12", 0.12),
           Line("M 0.2 -0.72 C 0.85 -0.95 0.95 -0.3 0.52 -0.12", 0.12),
           Area("M -0.42 -0.92 C -0.2 -0.8 -0.2 -0.6 -0.3 -0.45 C -0.85 -0.2 -0.8 0.4 -0.28 0.8 "
                "L -0.38 0.97 L 0.38 0.97 L 0.28 0.8 C 0.8 0.4 0.85 -0.2 0.3 -0.45 "
                "C 0.2 -0.6 0.2 -0.8 0.42 -0.92 Z"),
           Area("E 0 -0.92 0.42 0.08", 0.5, Coat::kColor)},
          0.1};
}

Shape Lamp() {
  return {{Area("R -0.07 -0.1 0.14 0.9", 0.7, Coat::kColor),
           Area("M -0.5 0.97 C -0.5 0.68 0.5 0.68 0.5 0.97 Z", 0.8, Coat::kColor),
           Area("M -0.42 -0.97 L 0.42 -0.97 L 0.8 0.1 L -0.8 0.1 Z")},
          -0.38};
}

Shape Chair() {
  return {{Area("R -0.5 0.2 0.13 0.6", 0.55, Coat::kColor),
           Area("R 0.37 0.2 0.13 0.6", 0.55, Coat::kColor),
           Area("R -0.52 -0.2 0.14 0.4", 0.7, Coat::kColor),
           Area("R 0.38 -0.2 0.14 0.4", 0.7, Coat::kColor),
           Area("M -0.6 -0.98 L 0.6 -0.98 L 0.58 -0.1 L -0.58 -0.1 Z"),
           Area("R -0.74 0.4 0.16 0.58", 0.75, Coat::kColor),
           Area("R 0.58 0.4 0.16 0.58", 0.75, Coat::kColor),
           Area("M -0.56 0.08 L 0.56 0.08 L 0.78 0.4 L -0.78 0.4 Z", 0.9),
           Area("R -0.78 0.4 1.56 0.1", 0.65, Coat::kColor)},
          -0.54};
}

Shape Table() {
  return {{Area("R -0.66 0.1 0.13 0.5", 0.5, Coat::kColor),
           Area("R 0.53 0.1 0.13 0.5", 0.5, Coat::kColor),
           Area("R -0.95 0.15 0.17 0.7", 0.75, Coat::kColor),
           Area("R 0.78 0.15 0.17 0.7", 0.75, Coat::kColor),
           Area("M -0.68 -0.65 L 0.68 -0.65 L 1 0.1 L -1 0.1 Z"),
           Area("R -1 0.1 2 0.13", 0.65, Coat::kColor)},
          -0.25};
}

Shape Clock() {
  return {
      {Line("M -0.35 0.6 L -0.58 0.95", 0.14, 0.65), Line("M 0.35 0.6 L 0.58 0.95", 0.14, 0.65),
       Area("E -0.48 -0.68 0.32 0.26", 0.75, Coat::kColor),
       Area("E 0.48 -0.68 0.32 0.26", 0.75, Coat::kColor), Area("E 0 0.12 0.78 0.78"),
       Line("E 0 0.12 0.74 0.74", 0.1, 0.6), Line("M 0 0.12 L 0 -0.42", 0.09, 1, Coat::kInk),
       Line("M 0 0.12 L 0.36 0.3", 0.1, 1, Coat::kInk), Area("E 0 0.12 0.08 0.08", 1, Coat::kInk)},
      0.4};
}

Shape Bag() {
  return {{Line("M -0.45 -0.1 C -0.45 -1.2 0.45 -1.2 0.45 -0.1", 0.13, 0.7),
           Area("M -0.75 -0.25 L 0.75 -0.25 L 0.95 0.75 C 0.95 0.97 -0.95 0.97 -0.95 0.75 Z"),
           Area("R -0.8 -0.32 1.6 0.16", 0.75, Coat::kColor),
           Area("R -0.12 -0.3 0.24 0.26", 1, Coat::kInk)},
          0.42};
}

Shape Hat() {
  return {{Area("E 0 0.45 1 0.28", 0.85, Coat::kColor),
           Area("M -0.6 0.42 L -0.52 -0.45 C -0.45 -0.8 0.45 -0.8 0.52 -0.45 L 0.6 0.42 "
                "C 0.5 0.6 -0.5 0.6 -0.6 0.42 Z")},
          0.2};
}

Shape Umbrella() {
  return {{Line("M 0 0 L 0 0.76 C 0 1.02 0.36 1.02 0.36 0.74", 0.1, 0.65),
           Line("M 0 -1 L 0 -0.8", 0.07, 0.65),
           Area("M -1 0.12 C -1 -0.62 -0.5 -0.9 0 -0.9 C 0.5 -0.9 1 -0.62 1 0.12 "
                "C 0.85 -0.06 0.5 -0.06 0.34 0.12 C 0.2 -0.06 -0.2 -0.06 -0.34 0.12 "
                "C -0.5 -0.06 -0.85 -0.06 -1 0.12 Z"),
           Line("M -0.34 0.12 C -0.34 -0.4 -0.15 -0.8 0 -0.9 C 0.15 -0.8 0.34 -0.4 0.34 0.12",
                0.035, 0.6)},
          -0.34};
}

Shape Bowl() {
  return {
      {Area("R -0.35 0.5 0.7 0.22", 0.7, Coat::kColor),
       Area("M -1 -0.4 C -0.95 0.35 -0.5 0.6 -0.3 0.62 L 0.3 0.62 C 0.5 0.6 0.95 0.35 1 -0.4 Z"),
       Area("E 0 -0.4 1 0.22", 1.05, Coat::kColor), Area("E 0 -0.39 0.88 0.16", 0.5, Coat::kColor)},
      0.12};
}

Shape Teapot() {
  return {{Line("M -0.4 -0.15 C -1.15 -0.45 -1.15 0.75 -0.4 0.55", 0.14, 0.75),
           Area("M 0.4 0.45 C 0.85 0.35 0.7 -0.15 1 -0.3 L 0.86 -0.46 C 0.55 -0.35 0.6 -0.1 "
                "0.35 0 Z",
                0.85, Coat::kColor),
           Area("R -0.32 0.68 0.64 0.14", 0.65, Coat::kColor), Area("E 0 0.2 0.64 0.58"),
           Area("M -0.4 -0.25 C -0.32 -0.58 0.32 -0.58 0.4 -0.25 Z", 0.8, Coat::kColor),
           Area("E 0 -0.58 0.11 0.11", 0.65, Coat::kColor)},
          0.25};
}

Shape Drum() {
  return {{Area("M -0.85 -0.35 L -0.85 0.6 C -0.85 0.98 0.85 0.98 0.85 0.6 L 0.85 -0.35 Z"),
           Line("M -0.83 0.6 C -0.83 0.98 0.83 0.98 0.83 0.6", 0.1, 0.6),
           Area("E 0 -0.35 0.85 0.3", 0.6, Coat::kColor),
           Area("E 0 -0.36 0.76 0.23", 1.15, Coat::kColor),
           Line("M -0.1 -0.3 L 0.75 -0.95", 0.09, 1, Coat::kInk),
           Line("M 0.1 -0.3 L -0.75 -0.95", 0.09, 1, Coat::kInk)},
          0.3};
}

Shape Boot() {
  return {{Area("M -0.55 -0.9 L 0.15 -0.9 L 0.15 0.05 C 0.25 0.3 0.9 0.2 0.92 0.78 L -0.55 0.78 Z"),
           Area("M -0.58 0.75 L 0.96 0.75 L 0.96 0.9 L -0.05 0.9 L -0.1 0.98 L -0.58 0.98 Z", 0.5,
                Coat::kColor),
           Area("R -0.62 -0.98 0.84 0.2", 0.75, Coat::kColor)},
          -0.2};
}

Shape Guitar() {
  return {{Area("R -0.09 -0.95 0.18 0.8", 0.5, Coat::kColor),
           Area("R -0.17 -1 0.34 0.24", 0.65, Coat::kColor),
           Area("M 0 -0.38 C 0.3 -0.38 0.46 -0.25 0.44 -0.02 C 0.42 0.14 0.62 0.2 0.64 0.5 "
                "C 0.66 0.85 0.35 1 0 1 C -0.35 1 -0.66 0.85 -0.64 0.5 "
                "C -0.62 0.2 -0.42 0.14 -0.44 -0.02 C -0.46 -0.25 -0.3 -0.38 0 -0.38 Z"),
           Area("R -0.09 -0.4 0.18 0.38", 0.5, Coat::kColor),
           Area("E 0 0.14 0.17 0.17", 0.2, Coat::kColor),
           Area("R -0.24 0.72 0.48 0.09", 0.4, Coat::kColor)},
          0.5};
}

Shape Bell() {
  return {{Line("E 0 -0.86 0.12 0.12", 0.08, 0.7), Area("E 0 0.75 0.22 0.22", 0.5, Coat::kColor),
           Area("M 0 -0.8 C 0.65 -0.8 0.45 0.1 0.88 0.55 L -0.88 0.55 C -0.45 0.1 -0.65 -0.8 "
                "0 -0.8 Z"),
           Area("M -0.88 0.5 L 0.88 0.5 L 0.96 0.7 L -0.96 0.7 Z", 0.75, Coat::kColor)},
          0};
}

}  // namespace

Point Projection::operator()(Point p) const {
  const double w = m[6] * p.x + m[7] * p.y + m[8];
  return {(m[0] * p.x + m[1] * p.y + m[2]) / w, (m[3] * p.x + m[4] * p.y + m[5]) / w};
}

Projection Projection::operator*(const Projection& first) const {
  Projection product;
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      double sum = 0;
      for (int k = 0; k < 3; ++k) sum += m[row * 3 + k] * first.m[k * 3 + column];
      product.m[row * 3 + column] = sum;
    }
  }
  return product;
}

Projection Projection::Inverse() const {
  // The adjugate: a factor does not change a projection.
  return {{m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
           m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
           m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3]}};
}

const Shape& ShapeOf(int kind) {
  static const auto& shapes = *new std::array<Shape, kKinds>{
      Mug(), Bottle(),   Vase(), Lamp(),   Chair(), Table(), Clock(),  Bag(),
      Hat(), Umbrella(), Bowl(), Teapot(), Drum(),  Boot(),  Guitar(), Bell()};
  return shapes[kind];
}

Bounds BoundsOf(const Shape& shape, const Projection& pose) {
  Bounds bounds{1e9, 1e9, -1e9, -1e9};
  const double unit = UnitOf(pose);
  for (const Part& part : shape.parts) {
    const double half = part.line_width / 2 * unit;
    const auto add = [&](Point point) {
      const Point p = pose(point);
      bounds.left = std::min(bounds.left, p.x - half);
      bounds.right = std::max(bounds.right, p.x + half);
      bounds.top = std::min(bounds.top, p.y - half);
      bounds.bottom = std::max(bounds.bottom, p.y + half);
    };
    Point at;
    for (const PathStep& step : part.path) {
      const auto& [a, b, c] = step.points;
      if (step.kind == PathStep::Kind::kCurve) {
        // Its points, as a curve stays well inside of its handles.
        for (const double t : {0.25, 0.5, 0.75, 1.0}) {
          const double s = 1 - t;
          const double w[] = {s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t};
          add({w[0] * at.x + w[1] * a.x + w[2] * b.x + w[3] * c.x,
               w[0] * at.y + w[1] * a.y + w[2] * b.y + w[3] * c.y});
        }
        at = c;
      } else if (step.kind != PathStep::Kind::kClose) {
        add(a);
        at = a;
      }
    }
  }
  return bounds;
}

double UnitOf(const Projection& pose) {
  constexpr double kStep = 0.01;
  const Point o = pose({0, 0}), x = pose({kStep, 0}), y = pose({0, kStep});
  return std::sqrt(std::abs((x.x - o.x) * (y.y - o.y) - (x.y - o.y) * (y.x - o.x))) / kStep;
}

}  // namespace sightline::demo_world
