#include "tools/demo_world/page_paint.h"

#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>
#include <vector>

#include "tools/demo_world/letters.h"
#include "tools/demo_world/random.h"

namespace sightline::demo_world {
namespace {

void SetTone(cairo_t* cairo, const Tone& tone) {
  cairo_set_source_rgb(cairo, tone.red, tone.green, tone.blue);
}

void Outline(cairo_t* cairo, const Patch& patch) {
  const double radius =
      std::min({patch.radius, (patch.x1 - patch.x0) / 2, (patch.y1 - patch.y0) / 2});
  if (radius <= 0) {
    cairo_rectangle(cairo, patch.x0, patch.y0, patch.x1 - patch.x0, patch.y1 - patch.y0);
    return;
  }
  constexpr double kQuarter = std::numbers::pi / 2;
  cairo_new_sub_path(cairo);
  cairo_arc(cairo, patch.x1 - radius, patch.y0 + radius, radius, -kQuarter, 0);
  cairo_arc(cairo, patch.x1 - radius, patch.y1 - radius, radius, 0, kQuarter);
  cairo_arc(cairo, patch.x0 + radius, patch.y1 - radius, radius, kQuarter, 2 * kQuarter);
  cairo_arc(cairo, patch.x0 + radius, patch.y0 + radius, radius, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(cairo);
}

void PaintPlan(cairo_t* cairo, const PagePlan& plan) {
  SetTone(cairo, plan.ground);
  cairo_paint(cairo);
  cairo_translate(cairo, plan.width / 2.0, plan.height / 2.0);
  cairo_rotate(cairo, plan.wear.angle);
  cairo_translate(cairo, -plan.width / 2.0, -plan.height / 2.0);
  for (const Patch& patch : plan.patches) {
    SetTone(cairo, patch.tone);
    Outline(cairo, patch);
    if (patch.line > 0) {
      cairo_set_line_width(cairo, patch.line);
      cairo_stroke(cairo);
    } else {
      cairo_fill(cairo);
    }
  }
  for (const Words& words : plan.words) {
    SetTone(cairo, words.ink);
    Show(cairo, words.shaped, words.x, words.baseline, words.size);
  }
}

// One pass of [weight, 1 - 2 weight, weight] over `count` values that are `step` apart.
void BlurLine(uint8_t* values, int count, ptrdiff_t step, int weight) {
  int before = values[0];
  for (int i = 0; i < count; ++i) {
    uint8_t& value = values[i * step];
    const int here = value;
    const int after = values[(i + 1 < count ? i + 1 : i) * step];
    value = static_cast<uint8_t>((weight * (before + after) + (256 - 2 * weight) * here) >> 8);
    before = here;
  }
}

void Blur(Picture& picture, double weight) {
  const int of_256 = static_cast<int>(std::lround(weight * 256));
  const ptrdiff_t row = ptrdiff_t{picture.width} * 3;
  for (int y = 0; y < picture.height; ++y) {
    for (int c = 0; c < 3; ++c) {
      BlurLine(picture.rgb.data() + y * row + c, picture.width, 3, of_256);
    }
  }
  // Down the columns, a whole row at a time.
  std::vector<uint8_t> before(picture.rgb.begin(), picture.rgb.begin() + row);
  std::vector<uint8_t> here(before.size());
  for (int y = 0; y < picture.height; ++y) {
    uint8_t* const to = picture.rgb.data() + y * row;
    const uint8_t* const after = y + 1 < picture.height ? to + row : to;
    std::memcpy(here.data(), to, here.size());
    for (ptrdiff_t x = 0; x < row; ++x) {
      to[x] = static_cast<uint8_t>(
          (of_256 * (before[x] + after[x]) + (256 - 2 * of_256) * here[x]) >> 8);
    }
    before.swap(here);
  }
}

void LightAndNoise(Picture& picture, const Wear& wear) {
  Random random(wear.noise_seed);
  std::vector<uint8_t> grain(static_cast<size_t>(picture.width) * 3 + 8, 128);
  for (int y = 0; y < picture.height; ++y) {
    if (wear.noise > 0) {
      for (size_t i = 0; i + 8 <= grain.size(); i += 8) {
        const uint64_t bits = random.Next();
        std::memcpy(grain.data() + i, &bits, 8);
      }
    }
    // Brightness in 1/65536.
    const double left = wear.brightness * (1 - wear.slope_x / 2 +
                                           wear.slope_y * (double{1} * y / picture.height - 0.5));
    int light = static_cast<int>(left * 65536);
    const int step = static_cast<int>(wear.brightness * wear.slope_x * 65536 / picture.width);
    uint8_t* value = picture.rgb.data() + static_cast<size_t>(y) * picture.width * 3;
    const uint8_t* from = grain.data();
    for (int x = 0; x < picture.width; ++x, light += step) {
      for (int c = 0; c < 3; ++c, ++value, ++from) {
        const int noise = ((*from - 128) * wear.noise) >> 7;
        *value = static_cast<uint8_t>(std::clamp(((*value * light) >> 16) + noise, 0, 255));
      }
    }
  }
}

}  // namespace

Picture PaintPage(const PagePlan& plan) {
  const std::unique_ptr<cairo_surface_t, void (*)(cairo_surface_t*)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, plan.width, plan.height),
      cairo_surface_destroy);
  {
    const std::unique_ptr<cairo_t, void (*)(cairo_t*)> cairo(cairo_create(surface.get()),
                                                             cairo_destroy);
    PaintPlan(cairo.get(), plan);
  }
  cairo_surface_flush(surface.get());
  Picture picture;
  picture.width = plan.width;
  picture.height = plan.height;
  picture.rgb.resize(static_cast<size_t>(plan.width) * plan.height * 3);
  const unsigned char* const data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  uint8_t* to = picture.rgb.data();
  for (int y = 0; y < plan.height; ++y) {
    const auto* const row =
        reinterpret_cast<const uint32_t*>(data + static_cast<ptrdiff_t>(y) * stride);
    for (int x = 0; x < plan.width; ++x, to += 3) {
      to[0] = static_cast<uint8_t>(row[x] >> 16);
      to[1] = static_cast<uint8_t>(row[x] >> 8);
      to[2] = static_cast<uint8_t>(row[x]);
    }
  }
  if (plan.wear.blur > 0) Blur(picture, plan.wear.blur);
  LightAndNoise(picture, plan.wear);
  return picture;
}

}  // namespace sightline::demo_world
