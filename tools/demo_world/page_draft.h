#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "tools/demo_world/letters.h"
#include "tools/demo_world/page.h"
#include "tools/demo_world/page_plan.h"
#include "tools/demo_world/page_style.h"
#include "tools/demo_world/random.h"

namespace sightline::demo_world {

inline constexpr double kSmallestLetters = 14;  // pixels an em, where a page has room
inline constexpr double kLargestTitle = 26;
inline constexpr double kLeastGap = 2.5;  // pixels between lines

// What a page may do to make room, from nothing to anything.
struct Effort {
  double smallest;
  bool condensed;
  bool wrap;
};

struct Area {
  double x0, y0, x1, y1;
  double width() const { return x1 - x0; }
  double height() const { return y1 - y0; }
};

enum class LineRole { kTitle, kHead, kColumns, kRow, kFoot };

struct TextPiece {
  Shaped shaped;
  double scale = 1;  // of the page's letter size
  Tone ink;
  int line = 0;  // index into the plan's lines
  int part = -1;
};

// What stands at one height.
struct StackLine {
  LineRole role = LineRole::kHead;
  int row = -1;
  std::vector<TextPiece> pieces;

  double scale() const {
    double largest = 1;
    for (const TextPiece& piece : pieces) largest = std::max(largest, piece.scale);
    return largest;
  }
  // In em, without gaps; a piece that is larger than the page's letters can shrink to them.
  double advance() const {
    double sum = 0;
    for (const TextPiece& piece : pieces) sum += piece.shaped.advance;
    return sum;
  }
};

struct LinePlace {
  double top, baseline, bottom;  // pixels; top and bottom lie amid the gaps
};

// A page in the making.
struct Draft {
  const PageContent& content;
  const Style& style;
  Effort effort;
  Random random;
  PagePlan plan;
  std::vector<StackLine> stack;
  double size_px = 0;  // pixels an em

  double ascent() const {
    return Ascent(content.language == Language::kChinese ? Family::kHei : Family::kSans);
  }
  double descent() const {
    return Descent(content.language == Language::kChinese ? Family::kHei : Family::kSans);
  }
  Area Sheet() const {
    const double inset = style.inset;
    return {inset, inset, plan.width - inset, plan.height - inset};
  }
  Area Inner() const {
    const double edge = style.inset + style.padding;
    return {edge, edge, plan.width - edge, plan.height - edge};
  }
  Face Fit(Face face) const {
    if (effort.condensed) return {Family::kCondensed, false};
    return face;
  }
  double GapAt(double px) const {
    return px > kSmallestLetters ? std::max(kLeastGap, style.gap * px) : kLeastGap;
  }
};

int AddLine(PagePlan& plan, std::string text, int row);
void AddWords(PagePlan& plan, const TextPiece& piece, double x, double baseline, double size);
void Fill(PagePlan& plan, double x0, double y0, double x1, double y1, const Tone& tone);

// What a page says is first stacked, line by line in reading order, then given a letter size, then
// placed.

TextPiece MakePiece(const Draft& draft, const std::string& text, Face face, double scale,
                    const Tone& ink, int line, int part = -1);
// `width`: em after which it is broken into lines; 0: as the draft's effort says.
void StackTitle(Draft& draft, double scale, double width);
void StackHead(Draft& draft);
// Puts the first two lines of the head side by side where they have room.
void PairHead(Draft& draft);
void StackRow(Draft& draft, int number, Face label_face, Face cell_face, double cell_scale);
void StackFoot(Draft& draft);

// What a scale comes to when the page's letters have `px` pixels an em.
double ScaleAt(double scale, double px);
// Pixels that the lines need at least.
double HeightAt(const Draft& draft, std::span<const StackLine> stack, double px);

// The largest letter size, no more than the style wishes, for which `fits` holds; 0 if none.
template <typename Fits>
double LargestSize(const Draft& draft, const Fits& fits) {
  for (double px = draft.style.wish; px >= draft.effort.smallest; px -= 0.5) {
    if (fits(px)) return px;
  }
  return fits(draft.effort.smallest) ? draft.effort.smallest : 0;
}

// Heights of the lines in an area that is at least HeightAt high. What is left over widens the
// gaps, but not beyond what still reads as one text.
std::vector<LinePlace> Spread(Draft& draft, std::span<const StackLine> stack, double top,
                              double height);
// The left end of what is `width` wide.
double Aligned(Align align, double x0, double x1, double width);
// A line of one piece, as large as it wants to be and the area allows, or of two side by side.
void PlaceText(Draft& draft, const StackLine& line, const LinePlace& place, const Area& area,
               Align align);

void AddSheet(Draft& draft);
void AddBorder(Draft& draft);
// The band behind the title, if the style has one.
void AddTitleBand(Draft& draft, std::span<const LinePlace> places);

}  // namespace sightline::demo_world
