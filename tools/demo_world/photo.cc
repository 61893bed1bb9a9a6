#include "tools/demo_world/photo.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "tools/demo_world/paint.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/shape.h"

namespace sightline::demo_world {
namespace {

// Turned, leaning and seen at a slant, with the centre at 0 and a unit of about 1.
Projection RandomPose(double degrees, Random& random) {
  const double angle = random.Real(-degrees, degrees) * 3.14159265 / 180;
  const double c = std::cos(angle), s = std::sin(angle);
  const double mirror = random.Chance(0.5) ? -1 : 1;
  const double lean = random.Real(-0.1, 0.1);
  const double wide = random.Real(0.92, 1.08);
  const double slant_x = random.Real(-0.1, 0.1), slant_y = random.Real(-0.1, 0.1);
  const Projection turn{{c, -s, 0, s, c, 0, 0, 0, 1}};
  const Projection slant{{1, 0, 0, 0, 1, 0, slant_x, slant_y, 1}};
  const Projection skew{{mirror * wide, lean, 0, 0, 1 / wide, 0, 0, 0, 1}};
  return turn * slant * skew;
}

Projection Scaled(double scale) { return {{scale, 0, 0, 0, scale, 0, 0, 0, 1}}; }
Projection Moved(double x, double y) { return {{1, 0, x, 0, 1, y, 0, 0, 1}}; }

// `pose` scaled to fit into width x height pixels, and moved so that its bounds are centred on x,
// y.
Projection Fitted(const Shape& shape, const Projection& pose, double width, double height, double x,
                  double y) {
  const Bounds one = BoundsOf(shape, pose);
  const double scale = std::min(width / (one.right - one.left), height / (one.bottom - one.top));
  const Projection scaled = Scaled(scale) * pose;
  const Bounds bounds = BoundsOf(shape, scaled);
  return Moved(x - (bounds.left + bounds.right) / 2, y - (bounds.top + bounds.bottom) / 2) * scaled;
}

Light RandomLight(Random& random) {
  // From above, from the left or the right.
  const double angle = random.Real(0.5, 1.1) * (random.Chance(0.5) ? 1 : -1);
  return {static_cast<float>(std::sin(angle)), static_cast<float>(-std::cos(angle))};
}

// A place for the middle of something `size` long on a side of `room` pixels: inside, or with up to
// `beyond` of its size outside.
double Place(double size, double room, double beyond, Random& random) {
  const double low = size * (0.5 - beyond), high = room - low;
  return low < high ? random.Real(low, high) : room / 2;
}

// A part of something else at the left or right edge.
void PaintNeighbor(Canvas& canvas, Light light, Random& random) {
  Look look;
  look.kind = random.Below(kKinds);
  look.color = random.Below(kColors);
  look.material = random.Below(kMaterials);
  const double size = canvas.height * random.Real(0.4, 0.7);
  const double inside = size * random.Real(0.1, 0.25);
  const double x = random.Chance(0.5) ? inside - size / 2 : canvas.width + size / 2 - inside;
  const Shape& shape = ShapeOf(look.kind);
  PaintItem(
      canvas, look,
      Fitted(shape, RandomPose(15, random), size, size, x, random.Real(0.2, 0.8) * canvas.height),
      light);
}

// What is covered last hides what was covered before.
std::vector<Box> VisibleBoxes(const std::vector<Coverage>& items, int width, int height) {
  std::vector<int> owner(static_cast<size_t>(width) * height, -1);
  for (size_t i = 0; i < items.size(); ++i) {
    const Coverage& item = items[i];
    for (int y = std::max(0, item.top); y < std::min(height, item.top + item.height); ++y) {
      for (int x = std::max(0, item.left); x < std::min(width, item.left + item.width); ++x) {
        if (item.covered[static_cast<size_t>(y - item.top) * item.width + (x - item.left)]) {
          owner[static_cast<size_t>(y) * width + x] = static_cast<int>(i);
        }
      }
    }
  }
  std::vector<Box> boxes(items.size(), Box{1, 1, 0, 0});
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int item = owner[static_cast<size_t>(y) * width + x];
      if (item < 0) continue;
      Box& box = boxes[item];
      box.x0 = std::min(box.x0, static_cast<double>(x) / width);
      box.x1 = std::max(box.x1, static_cast<double>(x + 1) / width);
      box.y0 = std::min(box.y0, static_cast<double>(y) / height);
      box.y1 = std::max(box.y1, static_cast<double>(y + 1) / height);
    }
  }
  return boxes;
}

}  // namespace

Picture DrawPhoto(const Look& look, uint64_t view) {
  Random random(view);
  constexpr std::array<std::pair<int, int>, 4> kSizes = {
      {{128, 128}, {128, 128}, {160, 128}, {128, 160}}};
  const auto [width, height] = kSizes[random.Below(4)];
  Canvas canvas(width, height);
  const Light light = RandomLight(random);
  PaintBackground(canvas, {look}, random);
  if (random.Chance(0.2)) PaintNeighbor(canvas, light, random);

  const Shape& shape = ShapeOf(look.kind);
  const Projection pose = RandomPose(20, random);
  const double part = random.Real(0.5, 0.95);
  const double beyond = random.Chance(0.25) ? random.Real(0, 0.1) : 0;
  const Projection fitted = Fitted(shape, pose, part * width, part * height, 0, 0);
  const Bounds bounds = BoundsOf(shape, fitted);
  const double x = Place(bounds.right - bounds.left, width, beyond, random);
  const double y = Place(bounds.bottom - bounds.top, height, beyond, random);
  PaintItem(canvas, look, Moved(x, y) * fitted, light);
  return Develop(canvas, random);
}

Scene DrawScene(const std::vector<Look>& looks, uint64_t view) {
  Random random(view);
  const int count = static_cast<int>(looks.size());
  constexpr std::array<std::pair<int, int>, 3> kSizes = {{{192, 128}, {256, 128}, {192, 192}}};
  // Four in a row need the widest picture, or two rows.
  const auto [width, height] = kSizes[count > 3 ? random.Between(1, 2) : random.Below(3)];
  const int rows = height == 192 && count > 2 ? 2 : 1;
  const int columns = (count + rows - 1) / rows;
  Canvas canvas(width, height);
  const Light light = RandomLight(random);
  PaintBackground(canvas, looks, random);

  std::vector<int> places(rows * columns);
  for (int i = 0; i < rows * columns; ++i) places[i] = i;
  for (int i = rows * columns - 1; i > 0; --i) std::swap(places[i], places[random.Below(i + 1)]);
  const double cell_width = static_cast<double>(width) / columns;
  const double cell_height = static_cast<double>(height) / rows;
  std::vector<Coverage> items;
  for (int i = 0; i < count; ++i) {
    const Shape& shape = ShapeOf(looks[i].kind);
    const double part = random.Real(0.65, 0.98);
    const Projection fitted =
        Fitted(shape, RandomPose(12, random), part * cell_width, part * cell_height, 0, 0);
    const Bounds bounds = BoundsOf(shape, fitted);
    const double x = places[i] % columns * cell_width +
                     Place(bounds.right - bounds.left, cell_width, 0.03, random);
    const double y = places[i] / columns * cell_height +
                     Place(bounds.bottom - bounds.top, cell_height, 0, random);
    items.push_back(PaintItem(canvas, looks[i], Moved(x, y) * fitted, light));
  }
  std::vector<Box> boxes = VisibleBoxes(items, width, height);
  return {Develop(canvas, random), std::move(boxes)};
}

}  // namespace sightline::demo_world
