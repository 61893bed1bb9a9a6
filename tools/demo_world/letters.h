#pragma once

#include <string>
#include <vector>

struct _cairo;

namespace sightline::demo_world {

// The fonts pages are written in, of the Debian packages fonts-dejavu-core and fonts-wqy-microhei.
enum class Family { kSans, kCondensed, kSerif, kMono, kHei };

struct Face {
  Family family = Family::kSans;
  bool bold = false;
};

// A glyph of a shaped text. Lengths are in em, from the start of the text's baseline, y downwards.
struct Glyph {
  unsigned long index = 0;  // in the font; 0 where the font lacks the character
  double x = 0;
  double ink_x0 = 0, ink_y0 = 0, ink_x1 = 0, ink_y1 = 0;  // all 0 of a blank
};

struct Shaped {
  Face face;
  std::vector<Glyph> glyphs;
  double advance = 0;  // width of the text in em
};

// How far ink reaches above and below the baseline, in em.
double Ascent(Family family);
double Descent(Family family);

bool HasHan(const std::string& text);

// A text with Chinese characters is set in kHei whatever the face. `tracking` is added after each
// letter, in em. Any thread: each keeps fonts of its own.
Shaped ShapeText(const std::string& text, Face face, double tracking = 0);

// Draws it in the current colour with `size` pixels an em.
void Show(_cairo* cairo, const Shaped& shaped, double x, double baseline, double size);

}  // namespace sightline::demo_world
