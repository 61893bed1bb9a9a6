#include "tools/demo_world/paint.h"

#include <cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

namespace sightline::demo_world {
namespace {

constexpr std::array<Rgb, kColors> kPaints = {{{208, 32, 38},
                                               {252, 130, 12},
                                               {248, 216, 46},
                                               {40, 150, 62},
                                               {38, 84, 208},
                                               {122, 46, 166},
                                               {248, 150, 190},
                                               {104, 58, 28},
                                               {40, 40, 44},
                                               {248, 248, 246},
                                               {138, 141, 146}}};
constexpr Rgb kWhite = {255, 255, 255};

float Clamp01(float x) { return std::clamp(x, 0.0f, 1.0f); }
float Luminance(Rgb c) { return 0.3f * c.r + 0.59f * c.g + 0.11f * c.b; }
float Distance(Rgb a, Rgb b) {
  return std::abs(a.r - b.r) + std::abs(a.g - b.g) + std::abs(a.b - b.b);
}
// 0 to 1 to 0, of period 1.
float Triangle(float x) {
  const float f = x - std::floor(x);
  return 1 - std::abs(2 * f - 1);
}
// From the next multiple of `period`, in both directions.
float FromMultiple(float x, float period) { return x - period * std::round(x / period); }

// Where an item lies in its layer: what to draw, apart from its colours.
struct Layer {
  int left = 0, top = 0, width = 0, height = 0;  // in pixels of the canvas, may reach beyond it
  // [height, width] premultiplied: alpha covered, red half the shade, green the part with pattern,
  // blue the part with ink.
  std::vector<uint32_t> mask;
  // [height, width] alpha blurred: seen as a height, it makes a cushion of any outline.
  std::vector<float> cushion;
};

void BlurRows(std::vector<float>& values, int width, int height, int radius) {
  std::vector<float> row(width);
  const float part = 1.0f / static_cast<float>(2 * radius + 1);
  for (int y = 0; y < height; ++y) {
    float* const line = values.data() + static_cast<size_t>(y) * width;
    std::copy(line, line + width, row.begin());
    float sum = 0;
    for (int x = 0; x < std::min(radius, width); ++x) sum += row[x];
    for (int x = 0; x < width; ++x) {
      if (x + radius < width) sum += row[x + radius];
      if (x - radius - 1 >= 0) sum -= row[x - radius - 1];
      line[x] = sum * part;
    }
  }
}

void BlurColumns(std::vector<float>& values, int width, int height, int radius) {
  const std::vector<float> from = values;
  std::vector<float> sum(width);
  const float part = 1.0f / static_cast<float>(2 * radius + 1);
  const auto add = [&](int y, float factor) {
    if (y < 0 || y >= height) return;
    const float* const line = from.data() + static_cast<size_t>(y) * width;
    for (int x = 0; x < width; ++x) sum[x] += factor * line[x];
  };
  for (int y = 0; y < radius; ++y) add(y, 1);
  for (int y = 0; y < height; ++y) {
    add(y + radius, 1);
    add(y - radius - 1, -1);
    float* const line = values.data() + static_cast<size_t>(y) * width;
    for (int x = 0; x < width; ++x) line[x] = sum[x] * part;
  }
}

void Trace(cairo_t* cairo, const Part& part, const Projection& to_layer) {
  for (const PathStep& step : part.path) {
    std::array<Point, 3> p;
    for (int i = 0; i < 3; ++i) p[i] = to_layer(step.points[i]);
    switch (step.kind) {
      case PathStep::Kind::kMove: cairo_move_to(cairo, p[0].x, p[0].y); break;
      case PathStep::Kind::kLine: cairo_line_to(cairo, p[0].x, p[0].y); break;
      case PathStep::Kind::kCurve:
        cairo_curve_to(cairo, p[0].x, p[0].y, p[1].x, p[1].y, p[2].x, p[2].y);
        break;
      case PathStep::Kind::kClose: cairo_close_path(cairo); break;
    }
  }
}

void DrawMask(Layer& layer, const Shape& shape, const Projection& pose, double unit) {
  layer.mask.assign(static_cast<size_t>(layer.width) * layer.height, 0);
  const std::unique_ptr<cairo_surface_t, void (*)(cairo_surface_t*)> surface(
      cairo_image_surface_create_for_data(reinterpret_cast<unsigned char*>(layer.mask.data()),
                                          CAIRO_FORMAT_ARGB32, layer.width, layer.height,
                                          layer.width * 4),
      cairo_surface_destroy);
  const std::unique_ptr<cairo_t, void (*)(cairo_t*)> cairo(cairo_create(surface.get()),
                                                           cairo_destroy);
  cairo_set_antialias(cairo.get(), CAIRO_ANTIALIAS_GOOD);  // not FAST: see letters.cc
  cairo_set_tolerance(cairo.get(), 0.25);
  cairo_set_line_cap(cairo.get(), CAIRO_LINE_CAP_ROUND);
  const Projection to_layer = Projection{{1, 0, static_cast<double>(-layer.left), 0, 1,
                                          static_cast<double>(-layer.top), 0, 0, 1}} *
                              pose;
  for (const Part& part : shape.parts) {
    Trace(cairo.get(), part, to_layer);
    cairo_set_source_rgb(cairo.get(), part.shade / 2, part.coat == Coat::kPattern,
                         part.coat == Coat::kInk);
    if (part.line_width > 0) {
      cairo_set_line_width(cairo.get(), part.line_width * unit);
      cairo_stroke(cairo.get());
    } else {
      cairo_fill(cairo.get());
    }
  }
  cairo_surface_flush(surface.get());
}

Layer MakeLayer(const Canvas& canvas, const Shape& shape, const Projection& pose, double unit) {
  const Bounds bounds = BoundsOf(shape, pose);
  const int radius = std::max(1, static_cast<int>(0.1 * unit));
  const int margin = 3 * radius;  // the cushion's foot and the shadow
  Layer layer;
  layer.left = std::max(static_cast<int>(bounds.left) - margin, -margin);
  layer.top = std::max(static_cast<int>(bounds.top) - margin, -margin);
  layer.width = std::max(
      1, std::min(static_cast<int>(bounds.right) + margin, canvas.width + margin) - layer.left);
  layer.height = std::max(
      1, std::min(static_cast<int>(bounds.bottom) + margin, canvas.height + margin) - layer.top);
  DrawMask(layer, shape, pose, unit);
  layer.cushion.resize(layer.mask.size());
  for (size_t i = 0; i < layer.mask.size(); ++i) {
    layer.cushion[i] = static_cast<float>(layer.mask[i] >> 24) * (1 / 255.0f);
  }
  for (int pass = 0; pass < 2; ++pass) {
    BlurRows(layer.cushion, layer.width, layer.height, radius);
    BlurColumns(layer.cushion, layer.width, layer.height, radius);
  }
  return layer;
}

// How much of the second colour is at (u, v), in units of the shape; `soft` is the size of a pixel.
float PatternAt(int pattern, float u, float v, float band, float soft) {
  // `inside` is the distance to the nearest edge, positive where the second colour is.
  const auto cover = [&](float inside) { return Clamp01(inside / soft + 0.5f); };
  switch (pattern) {
    case 1: {  // stripes
      constexpr float kPeriod = 0.36f;
      return cover(kPeriod / 4 - std::abs(FromMultiple(u, kPeriod)));
    }
    case 2: {  // dots, every other row shifted
      constexpr float kStep = 0.4f;
      const float row = std::round(v / (kStep * 0.87f));
      const float shift = static_cast<int>(row) % 2 == 0 ? 0 : kStep / 2;
      const float dx = FromMultiple(u + shift, kStep), dy = v - row * kStep * 0.87f;
      return cover(0.125f - std::sqrt(dx * dx + dy * dy));
    }
    case 3: {  // checks
      constexpr float kPeriod = 0.5f;
      const float a = std::abs(FromMultiple(u, kPeriod)) - kPeriod / 4;
      const float b = std::abs(FromMultiple(v, kPeriod)) - kPeriod / 4;
      const float edge = std::min(std::abs(a), std::abs(b));
      return cover((a > 0) == (b > 0) ? edge : -edge);
    }
    case 4: {  // zigzags
      constexpr float kPeriod = 0.44f;
      const float wave = v + 0.24f * Triangle(u / 0.46f);
      return cover((kPeriod / 4 - std::abs(FromMultiple(wave, kPeriod))) * 0.7f);
    }
    case 5:  // band
      return cover(0.17f - std::abs(v - band));
    case 6: {  // stars, every other row shifted
      constexpr float kStep = 0.56f, kTip = 0.25f;
      const float row = std::round(v / (kStep * 0.9f));
      const float shift = static_cast<int>(row) % 2 == 0 ? 0 : kStep / 2;
      const float dx = FromMultiple(u + shift, kStep), dy = v - row * kStep * 0.9f;
      const float r = std::sqrt(dx * dx + dy * dy);
      if (r > kTip + soft) return 0;
      // A tenth of the star, mirrored: the edge runs from the tip to the notch at 36 degrees.
      constexpr float kFifth = 1.2566371f;
      const float angle = std::abs(FromMultiple(std::atan2(dx, -dy), kFifth));
      const float x = r * std::cos(angle), y = r * std::sin(angle);
      constexpr float kNotchX = 0.45f * kTip * 0.809f, kNotchY = 0.45f * kTip * 0.588f;
      constexpr float kEdgeX = kNotchX - kTip, kEdgeY = kNotchY;
      const float length = std::sqrt(kEdgeX * kEdgeX + kEdgeY * kEdgeY);
      return cover((kEdgeX * y - kEdgeY * (x - kTip)) / length);
    }
    default: return 0;
  }
}

// What the finish of a material is made from, at one pixel.
struct Spot {
  Rgb color;
  Rgb behind;            // the background that glass lets through
  float pattern = 0;     // how much of the second colour
  float u = 0, v = 0;    // place on the shape
  float nx = 0, ny = 0;  // slope of the cushion towards its edge, about -1 to 1
  float rim = 0;         // 0 inside to 1 at the edge
  float lit = 0;         // slope towards the light
};

Rgb Ceramic(const Spot& s, Light light) {
  const float dx = s.nx - 0.45f * light.x, dy = s.ny - 0.45f * light.y;
  const float gleam = std::exp(-12 * (dx * dx + dy * dy));
  return Mix(s.color * (0.92f + 0.22f * s.lit), kWhite, 0.6f * gleam);
}

Rgb Wood(const Spot& s) {
  constexpr Rgb kGrain = {120, 84, 52};
  // Rings about a knot, long in the direction of growth.
  const float du = s.u - 0.25f, dv = (s.v + 0.2f) * 0.24f;
  const float ring = 4.6f * std::sqrt(du * du + dv * dv + 0.01f) + 0.12f * std::sin(5 * s.v);
  const float f = ring - std::floor(ring);
  const float line = f * f * f;
  const Rgb grain = Luminance(s.color) > 80 ? Mix(s.color * 0.45f, kGrain * 0.7f, 0.3f)
                                            : Mix(s.color * 1.7f, kGrain, 0.4f);
  return Mix(s.color, grain, 0.75f * line) * (0.95f + 0.14f * s.lit);
}

Rgb Metal(const Spot& s, Light light) {
  // A room mirrored in it: broad, soft bands of light and dark that follow the slope, with one hard
  // edge, the horizon. Bands as narrow as stripes would be taken for them.
  const float side = light.x < 0 ? -1.0f : 1.0f;
  const float phase = 0.75f * (s.u * side + 0.7f * s.v) + 0.3f * (s.nx * side + s.ny) + 0.15f;
  const float f = phase - std::floor(phase);
  const float bright = f < 0.94f ? f / 0.94f : (1 - f) / 0.06f;
  const float gleam = (0.4f + 0.0012f * Luminance(s.color)) * bright * bright * bright;
  return Mix(s.color * (0.52f + 0.56f * bright), kWhite, gleam);
}

Rgb Glass(const Spot& s, Light light) {
  // White, gray and black would else be told from the background more than from each other.
  const bool gray = std::abs(s.color.r - s.color.g) + std::abs(s.color.g - s.color.b) < 30;
  const float solid = (gray ? 0.74f : 0.62f) + 0.2f * s.pattern + 0.06f * s.rim;
  Rgb c = Mix(s.behind, s.color, solid);
  c = Mix(c, s.color * 0.55f, Clamp01(1 - std::abs(s.rim - 0.55f) * 4) * 0.55f);
  c = Mix(c, kWhite, Clamp01((s.rim - 0.8f) * 5) * 0.6f);
  // The window, twice.
  const float side = light.x < 0 ? 1.0f : -1.0f;
  const float across = s.u * side + 0.5f * s.v;
  const bool streak = (across > -0.42f && across < -0.3f) || (across > -0.24f && across < -0.19f);
  return Mix(c, kWhite, streak ? 0.5f * (1 - s.rim) : 0.0f);
}

Rgb Fabric(const Spot& s) {
  constexpr float kThread = 0.105f;
  const float warp = Triangle(s.u / kThread), weft = Triangle(s.v / kThread);
  const bool over =
      (static_cast<int>(std::floor(s.u / kThread)) + static_cast<int>(std::floor(s.v / kThread))) %
          2 ==
      0;
  const float weave = (over ? warp : weft) - 0.5f;
  const float depth = 0.28f * weave - (over ? 0.0f : 0.16f);
  const Rgb c = s.color * (0.98f + depth) + Rgb{26, 26, 26} * depth;
  return c * (1 - 0.25f * s.rim);
}

Rgb Finish(int material, const Spot& spot, Light light) {
  switch (material) {
    case 0: return Ceramic(spot, light);
    case 1: return Wood(spot);
    case 2: return Metal(spot, light);
    case 3: return Glass(spot, light);
    default: return Fabric(spot);
  }
}

void PaintShadow(Canvas& canvas, const Layer& layer, Light light, double unit, float strength) {
  const int dx = static_cast<int>(std::lround(-light.x * 0.12 * unit));
  const int dy = static_cast<int>(std::lround(-light.y * 0.12 * unit));
  const int x0 = std::max(0, layer.left + dx);
  const int x1 = std::min(canvas.width, layer.left + dx + layer.width);
  for (int y = std::max(0, layer.top + dy);
       y < std::min(canvas.height, layer.top + dy + layer.height); ++y) {
    const float* const cushion =
        layer.cushion.data() + static_cast<size_t>(y - layer.top - dy) * layer.width;
    Rgb* const row = canvas.pixels.data() + static_cast<size_t>(y) * canvas.width;
    for (int x = x0; x < x1; ++x) {
      row[x] = row[x] * (1 - strength * cushion[x - layer.left - dx]);
    }
  }
}

Rgb Muted(Random& random) {
  const float light = static_cast<float>(random.Real(60, 225));
  const float tint = static_cast<float>(random.Real(5, 45));
  const auto channel = [&] { return light + tint * static_cast<float>(random.Real(-1, 1)); };
  const float r = channel(), g = channel();
  return {r, g, channel()};
}

Rgb BackgroundColor(const std::vector<Look>& avoid, Random& random) {
  Rgb color;
  for (int tries = 0; tries < 12; ++tries) {
    color = Muted(random);
    if (std::ranges::all_of(
            avoid, [&](const Look& look) { return Distance(color, kPaints[look.color]) > 110; })) {
      break;
    }
  }
  return color;
}

// Soft spots: a coarse grid of random numbers from -1 to 1, blown up.
void AddBlobs(Canvas& canvas, float strength, Random& random) {
  constexpr int kCells = 6;
  std::array<float, (kCells + 1) * (kCells + 1)> grid;
  for (float& value : grid) value = static_cast<float>(random.Real(-1, 1)) * strength;
  for (int y = 0; y < canvas.height; ++y) {
    const float gy = static_cast<float>(y) * kCells / static_cast<float>(canvas.height);
    const int row = static_cast<int>(gy);
    const float fy = gy - static_cast<float>(row);
    for (int x = 0; x < canvas.width; ++x) {
      const float gx = static_cast<float>(x) * kCells / static_cast<float>(canvas.width);
      const int column = static_cast<int>(gx);
      const float fx = gx - static_cast<float>(column);
      const float* const cell = grid.data() + row * (kCells + 1) + column;
      const float value = (cell[0] * (1 - fx) + cell[1] * fx) * (1 - fy) +
                          (cell[kCells + 1] * (1 - fx) + cell[kCells + 2] * fx) * fy;
      Rgb& pixel = canvas.pixels[static_cast<size_t>(y) * canvas.width + x];
      pixel = pixel + Rgb{value, value, value};
    }
  }
}

}  // namespace

void PaintBackground(Canvas& canvas, const std::vector<Look>& avoid, Random& random) {
  const int kind = random.Below(5);
  const Rgb first = BackgroundColor(avoid, random);
  const Rgb second = BackgroundColor(avoid, random);
  const float edge = static_cast<float>(random.Real(0.4, 0.8)) * static_cast<float>(canvas.height);
  const float tilt = static_cast<float>(random.Real(-0.08, 0.08));
  const float period = static_cast<float>(random.Real(8, 26));
  const float angle = static_cast<float>(random.Real(0, 3.14159));
  const float ax = std::cos(angle) / period, ay = std::sin(angle) / period;
  const float contrast = static_cast<float>(random.Real(0.1, 0.3));
  const float down = 1 / static_cast<float>(canvas.height);
  for (int y = 0; y < canvas.height; ++y) {
    for (int x = 0; x < canvas.width; ++x) {
      const auto fx = static_cast<float>(x), fy = static_cast<float>(y);
      Rgb color = first;
      if (kind == 1) {  // a gradient
        color = Mix(first, second, fy * down);
      } else if (kind == 2) {  // a table before a wall
        const float below = fy + tilt * fx - edge;
        color = Mix(first, second, Clamp01(below + 0.5f)) *
                (below > 0 ? 0.9f + 0.2f * below * down : 1.0f);
      } else if (kind == 3) {  // wallpaper of stripes or squares
        float wave = Triangle(fx * ax + fy * ay);
        if (period > 17) wave = 0.5f * (wave + Triangle(fx * ay - fy * ax));
        color = Mix(first, second, contrast * Clamp01((wave - 0.5f) * 4 + 0.5f));
      }
      canvas.pixels[static_cast<size_t>(y) * canvas.width + x] = color;
    }
  }
  if (kind == 4 || random.Chance(0.3)) AddBlobs(canvas, kind == 4 ? 40 : 14, random);
}

Coverage PaintItem(Canvas& canvas, const Look& look, const Projection& pose, Light light) {
  constexpr int kGlass = 3;
  const Shape& shape = ShapeOf(look.kind);
  const double unit = UnitOf(pose);
  const Layer layer = MakeLayer(canvas, shape, pose, unit);
  PaintShadow(canvas, layer, light, unit, look.material == kGlass ? 0.3f : 0.5f);

  const Rgb first = kPaints[look.color];
  const Rgb second = kPaints[look.second < 0 ? look.color : look.second];
  const Rgb ink = Luminance(first) > 100 ? Rgb{34, 34, 38} : Rgb{236, 236, 232};
  const Projection back = pose.Inverse();
  const auto soft = static_cast<float>(1 / unit);
  const auto band = static_cast<float>(shape.band);
  const auto slope = static_cast<float>(0.2 * unit);
  // Glass bends what is behind it, so it needs the background as it was.
  const std::vector<Rgb> behind = look.material == kGlass ? canvas.pixels : std::vector<Rgb>();

  Coverage coverage{layer.left, layer.top, layer.width, layer.height, {}};
  coverage.covered.resize(layer.mask.size());
  for (int y = std::max(0, layer.top); y < std::min(canvas.height, layer.top + layer.height); ++y) {
    for (int x = std::max(0, layer.left); x < std::min(canvas.width, layer.left + layer.width);
         ++x) {
      const int lx = x - layer.left, ly = y - layer.top;
      const size_t at = static_cast<size_t>(ly) * layer.width + lx;
      const uint32_t mask = layer.mask[at];
      const uint32_t alpha = mask >> 24;
      if (alpha == 0) continue;
      coverage.covered[at] = alpha > 127;
      const float over_alpha = 1 / static_cast<float>(alpha);
      const float shade = 2 * static_cast<float>(mask >> 16 & 255) * over_alpha;
      const float patterned = static_cast<float>(mask >> 8 & 255) * over_alpha;
      const float inked = static_cast<float>(mask & 255) * over_alpha;

      const Point place = back({x + 0.5, y + 0.5});
      const float* const cushion = layer.cushion.data() + at;
      Spot spot;
      spot.u = static_cast<float>(place.x);
      spot.v = static_cast<float>(place.y);
      if (lx > 0 && lx + 1 < layer.width) spot.nx = (cushion[-1] - cushion[1]) * slope;
      if (ly > 0 && ly + 1 < layer.height) {
        spot.ny = (cushion[-layer.width] - cushion[layer.width]) * slope;
      }
      spot.rim = Clamp01(2 - 2 * cushion[0]);
      spot.lit = spot.nx * light.x + spot.ny * light.y;
      spot.pattern = patterned * PatternAt(look.pattern, spot.u, spot.v, band, soft);
      spot.color = Mix(Mix(first, second, spot.pattern), ink, inked) * shade;
      if (look.material == kGlass) {
        const int bx = std::clamp(x + static_cast<int>(spot.nx * slope), 0, canvas.width - 1);
        const int by = std::clamp(y + static_cast<int>(spot.ny * slope), 0, canvas.height - 1);
        spot.behind = behind[static_cast<size_t>(by) * canvas.width + bx];
        spot.pattern = std::max(spot.pattern, inked);
      }
      Rgb& pixel = canvas.pixels[static_cast<size_t>(y) * canvas.width + x];
      pixel =
          Mix(pixel, Finish(look.material, spot, light), static_cast<float>(alpha) * (1 / 255.0f));
    }
  }
  return coverage;
}

Picture Develop(const Canvas& canvas, Random& random) {
  const auto real = [&](double low, double high) {
    return static_cast<float>(random.Real(low, high));
  };
  const float exposure = real(0.85, 1.1);
  const float warmth = real(-0.1, 0.1), green = real(-0.03, 0.03);
  const Rgb light = {exposure * (1 + warmth), exposure * (1 + green), exposure * (1 - warmth)};
  const float fall_x = real(-0.18, 0.18), fall_y = real(-0.18, 0.18);
  const float blur = random.Chance(0.4) ? real(0.2, 0.9) : 0.0f;
  const float noise = random.Chance(0.7) ? real(0.5, 6) : 0.0f;

  const int width = canvas.width, height = canvas.height;
  Picture picture{width, height, std::vector<uint8_t>(canvas.pixels.size() * 3)};
  uint8_t* out = picture.rgb.data();
  for (int y = 0; y < height; ++y) {
    const Rgb* const row = canvas.pixels.data() + static_cast<size_t>(y) * width;
    const Rgb* const above = y > 0 ? row - width : row;
    const Rgb* const below = y + 1 < height ? row + width : row;
    for (int x = 0; x < width; ++x) {
      Rgb c = row[x];
      if (blur > 0) {
        const Rgb around =
            row[std::max(x - 1, 0)] + row[std::min(x + 1, width - 1)] + above[x] + below[x];
        c = Mix(c, around * 0.25f, 0.8f * blur);
      }
      const float fall = 1 + fall_x * (static_cast<float>(x) / static_cast<float>(width) - 0.5f) +
                         fall_y * (static_cast<float>(y) / static_cast<float>(height) - 0.5f);
      std::array<float, 3> channels = {c.r * light.r * fall, c.g * light.g * fall,
                                       c.b * light.b * fall};
      if (noise > 0) {
        // Sums of bytes, near enough to normal: one for all channels, and a smaller one for each.
        const uint64_t bits = random.Next();
        const auto byte = [&](int i) { return static_cast<float>(bits >> (8 * i) & 255) - 127.5f; };
        const float all = (byte(0) + byte(1) + byte(2)) * noise * (1 / 128.0f);
        for (int i = 0; i < 3; ++i) channels[i] += all + byte(3 + i) * noise * (1 / 128.0f);
      }
      for (const float channel : channels) {
        *out++ = static_cast<uint8_t>(std::clamp(channel + 0.5f, 0.0f, 255.0f));
      }
    }
  }
  return picture;
}

}  // namespace sightline::demo_world
