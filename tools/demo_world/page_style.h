#pragma once

#include <cstdint>

#include "tools/demo_world/letters.h"
#include "tools/demo_world/page.h"
#include "tools/demo_world/random.h"

namespace sightline::demo_world {

struct Tone {
  double red = 0, green = 0, blue = 0;  // [0, 1]
};

// Of light on dark or dark on light: how well one reads on the other, 1 to 21, as WCAG defines it.
double Contrast(const Tone& one, const Tone& other);

enum class Align { kLeft, kCenter, kRight };
enum class Rules { kNone, kUnderHead, kUnderRows, kGrid, kZebra };
enum class Border { kNone, kThin, kDouble, kRounded };

// What befalls a page after it is printed.
struct Wear {
  double angle = 0;       // radians
  double brightness = 1;  // at the middle
  double slope_x = 0;     // change of brightness from the left side to the right
  double slope_y = 0;     // and from top to bottom
  double blur = 0;        // weight of each neighbour, [0, 0.25]
  int noise = 0;          // largest change of a value of 0 to 255
  uint64_t noise_seed = 0;
};

// How a page looks, whatever it says.
struct Style {
  Face body, strong;    // strong: of the title and what else stands out
  double tracking = 0;  // em
  double wish = 18;     // pixels an em; the page takes less where it must
  double gap = 0.35;    // between lines, em

  Tone ground;             // around the sheet
  Tone paper, ink;         // contrast of 6 or more
  Tone accent, on_accent;  // of bands
  Tone tint;               // zebra rows; ink reads on it
  Tone rule;

  Align title = Align::kLeft;
  Align numbers = Align::kRight;
  Rules rules = Rules::kNone;
  Border border = Border::kNone;
  bool title_band = false;
  bool head_band = false;
  double inset = 0;    // of the sheet, pixels
  double padding = 8;  // from the sheet's edge to its letters, pixels

  Wear wear;
};

Style MakeStyle(PageKind kind, Language language, Random& random);

// One of the colours of bars, each apart from the others and from any paper.
inline constexpr int kBarTones = 8;
Tone BarTone(int number);

}  // namespace sightline::demo_world
