#include "tools/demo_world/letters.h"

#include <cairo.h>

#include <array>
#include <memory>

namespace sightline::demo_world {
namespace {

constexpr int kFamilies = 5;
// Glyphs are measured at this size: without hinting, lengths grow with the size.
constexpr double kMeasuredSize = 64;
// kHei has no bold font, and the one made up for it clogs dense characters: its bold is outlined by
// a line of this width, in em.
constexpr double kOutline = 0.035;

bool IsOutlined(Face face) { return face.bold && face.family == Family::kHei; }

const char* Name(Family family) {
  switch (family) {
    case Family::kSans: return "DejaVu Sans";
    case Family::kCondensed: return "DejaVu Sans Condensed";
    case Family::kSerif: return "DejaVu Serif";
    case Family::kMono: return "DejaVu Sans Mono";
    case Family::kHei: return "WenQuanYi Micro Hei";
  }
  return "";
}

struct Font {
  cairo_font_face_t* face;
  cairo_scaled_font_t* measured;
};

class Fonts {
 public:
  Fonts() {
    cairo_font_options_set_antialias(options_, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options_, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options_, CAIRO_HINT_METRICS_OFF);
    cairo_matrix_t size;
    cairo_matrix_init_scale(&size, kMeasuredSize, kMeasuredSize);
    cairo_matrix_t upright;
    cairo_matrix_init_identity(&upright);
    for (int i = 0; i < 2 * kFamilies; ++i) {
      fonts_[i].face = cairo_toy_font_face_create(
          Name(static_cast<Family>(i / 2)), CAIRO_FONT_SLANT_NORMAL,
          i % 2 == 1 && static_cast<Family>(i / 2) != Family::kHei ? CAIRO_FONT_WEIGHT_BOLD
                                                                   : CAIRO_FONT_WEIGHT_NORMAL);
      fonts_[i].measured = cairo_scaled_font_create(fonts_[i].face, &size, &upright, options_);
    }
  }
  ~Fonts() {
    for (const Font& font : fonts_) {
      cairo_scaled_font_destroy(font.measured);
      cairo_font_face_destroy(font.face);
    }
    cairo_font_options_destroy(options_);
  }
  Fonts(const Fonts&) = delete;
  Fonts& operator=(const Fonts&) = delete;

  const Font& Of(Face face) const {
    return fonts_[2 * static_cast<int>(face.family) + (face.bold ? 1 : 0)];
  }
  const cairo_font_options_t* options() const { return options_; }

 private:
  cairo_font_options_t* const options_ = cairo_font_options_create();
  std::array<Font, 2 * kFamilies> fonts_;
};

const Fonts& ThreadFonts() {
  thread_local const Fonts fonts;
  return fonts;
}

}  // namespace

double Ascent(Family family) { return family == Family::kHei ? 0.88 : 0.78; }
double Descent(Family family) { return family == Family::kHei ? 0.22 : 0.24; }

bool HasHan(const std::string& text) {
  for (const char c : text) {
    // Lead bytes of U+3000 and above; Latin, its accents and typographic marks lie below.
    if (static_cast<unsigned char>(c) >= 0xE3) return true;
  }
  return false;
}

Shaped ShapeText(const std::string& text, Face face, double tracking) {
  if (HasHan(text)) face.family = Family::kHei;
  cairo_scaled_font_t* const font = ThreadFonts().Of(face).measured;
  cairo_glyph_t* glyphs = nullptr;
  int count = 0;
  cairo_scaled_font_text_to_glyphs(font, 0, 0, text.data(), static_cast<int>(text.size()), &glyphs,
                                   &count, nullptr, nullptr, nullptr);
  const std::unique_ptr<cairo_glyph_t, void (*)(cairo_glyph_t*)> owner(glyphs, cairo_glyph_free);
  Shaped shaped;
  shaped.face = face;
  shaped.glyphs.reserve(count);
  for (int i = 0; i < count; ++i) {
    cairo_glyph_t at_origin = {glyphs[i].index, 0, 0};
    cairo_text_extents_t extents;
    cairo_scaled_font_glyph_extents(font, &at_origin, 1, &extents);
    Glyph glyph;
    glyph.index = glyphs[i].index;
    glyph.x = glyphs[i].x / kMeasuredSize + i * tracking;
    if (extents.width > 0) {
      glyph.ink_x0 = glyph.x + extents.x_bearing / kMeasuredSize;
      glyph.ink_x1 = glyph.ink_x0 + extents.width / kMeasuredSize;
      glyph.ink_y0 = extents.y_bearing / kMeasuredSize;
      glyph.ink_y1 = glyph.ink_y0 + extents.height / kMeasuredSize;
      if (IsOutlined(face)) {
        glyph.ink_x0 -= kOutline / 2;
        glyph.ink_y0 -= kOutline / 2;
        glyph.ink_x1 += kOutline / 2;
        glyph.ink_y1 += kOutline / 2;
      }
    }
    shaped.advance = glyph.x + extents.x_advance / kMeasuredSize;
    shaped.glyphs.push_back(glyph);
  }
  return shaped;
}

void Show(_cairo* cairo, const Shaped& shaped, double x, double baseline, double size) {
  std::vector<cairo_glyph_t> glyphs;
  glyphs.reserve(shaped.glyphs.size());
  for (const Glyph& glyph : shaped.glyphs) {
    glyphs.push_back({glyph.index, x + glyph.x * size, baseline});
  }
  cairo_set_font_face(cairo, ThreadFonts().Of(shaped.face).face);
  cairo_set_font_size(cairo, size);
  cairo_set_font_options(cairo, ThreadFonts().options());
  // Outlines, as cairo_show_glyphs of cairo 1.16 moves each glyph to a whole pixel.
  // At these sizes a coarser outline looks the same and takes less time. CAIRO_ANTIALIAS_FAST would
  // take less still, but where every pixel of a row differs from the one before it, cairo's
  // _cairo_tor22_scan_converter writes one span more than it has room for.
  cairo_set_antialias(cairo, CAIRO_ANTIALIAS_GOOD);
  cairo_set_tolerance(cairo, 0.25);
  cairo_new_path(cairo);
  cairo_glyph_path(cairo, glyphs.data(), static_cast<int>(glyphs.size()));
  if (IsOutlined(shaped.face)) {
    cairo_set_line_width(cairo, kOutline * size);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_fill_preserve(cairo);
    cairo_stroke(cairo);
  } else {
    cairo_fill(cairo);
  }
}

}  // namespace sightline::demo_world
