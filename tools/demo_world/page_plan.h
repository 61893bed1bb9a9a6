#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/demo_world/letters.h"
#include "tools/demo_world/page.h"
#include "tools/demo_world/page_style.h"

namespace sightline::demo_world {

// A rectangle, filled or outlined. Pixels; the plan as a whole is turned when it is painted.
struct Patch {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  Tone tone;
  double line = 0;    // width of the outline; 0: filled
  double radius = 0;  // of the corners
};

// Letters of one line, or of one part of a row.
struct Words {
  Shaped shaped;
  double x = 0, baseline = 0;  // pixels
  double size = 0;             // pixels an em
  Tone ink;
  int line = 0;   // index into the plan's lines
  int part = -1;  // of a row
};

// A page before it is painted: what stands where.
struct PagePlan {
  int width = 0, height = 0;  // pixels
  Tone ground;
  std::vector<Patch> patches;  // in the order they are painted, below all words
  std::vector<Words> words;
  std::vector<PageLine> lines;
  Wear wear;
};

PagePlan PlanPage(const PageContent& content, uint64_t view);
PagePlan PlanWords(const std::string& text, uint64_t view);

}  // namespace sightline::demo_world
