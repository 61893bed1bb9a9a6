#include "tools/demo_world/page_draft.h"

#include <cstddef>
#include <utility>

namespace sightline::demo_world {
namespace {

constexpr double kHeadGap = 1.5;  // em between two lines side by side

// The places after which a line may be broken: blanks, and any Chinese character.
std::vector<std::string> Units(const std::string& text) {
  std::vector<std::string> units(1);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool starts = (byte & 0xC0) != 0x80;
    if (starts && byte >= 0xE3 && !units.back().empty()) units.emplace_back();
    units.back() += text[i];
    if (text[i] == ' ') units.emplace_back();
  }
  if (units.back().empty()) units.pop_back();
  return units;
}

std::string WithoutEndBlanks(std::string text) {
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// The text in lines of at most `width` em, where it has places to break.
std::vector<std::string> Wrap(const std::string& text, Face face, double tracking, double width) {
  std::vector<std::string> lines;
  std::string line;
  for (const std::string& unit : Units(text)) {
    const std::string longer = line + unit;
    if (!line.empty() && ShapeText(WithoutEndBlanks(longer), face, tracking).advance > width) {
      lines.push_back(WithoutEndBlanks(line));
      line = unit;
    } else {
      line = longer;
    }
  }
  lines.push_back(WithoutEndBlanks(line));
  return lines;
}

}  // namespace

int AddLine(PagePlan& plan, std::string text, int row) {
  PageLine line;
  line.text = std::move(text);
  line.row = row;
  plan.lines.push_back(std::move(line));
  return static_cast<int>(plan.lines.size()) - 1;
}

void AddWords(PagePlan& plan, const TextPiece& piece, double x, double baseline, double size) {
  plan.words.push_back({piece.shaped, x, baseline, size, piece.ink, piece.line, piece.part});
}

void Fill(PagePlan& plan, double x0, double y0, double x1, double y1, const Tone& tone) {
  plan.patches.push_back({x0, y0, x1, y1, tone, 0, 0});
}

TextPiece MakePiece(const Draft& draft, const std::string& text, Face face, double scale,
                    const Tone& ink, int line, int part) {
  return {ShapeText(text, draft.Fit(face), draft.style.tracking), scale, ink, line, part};
}

namespace {

// A line that stands alone, or several where it must be broken to be no wider than `width` em.
void StackText(Draft& draft, const std::string& text, LineRole role, Face face, double scale,
               const Tone& ink, double width) {
  const std::vector<std::string> lines =
      width > 0 ? Wrap(text, draft.Fit(face), draft.style.tracking, width)
                : std::vector<std::string>{text};
  for (const std::string& line : lines) {
    if (line.empty()) continue;
    StackLine& to = draft.stack.emplace_back();
    to.role = role;
    to.pieces.push_back(MakePiece(draft, line, face, scale, ink, AddLine(draft.plan, line, -1)));
  }
}

}  // namespace

void StackRow(Draft& draft, int number, Face label_face, Face cell_face, double cell_scale) {
  const PageRow& row = draft.content.rows[number];
  std::string text = row.label;
  for (const std::string& cell : row.cells) text += ' ' + cell;
  const int line = AddLine(draft.plan, text, number);
  StackLine& to = draft.stack.emplace_back();
  to.role = LineRole::kRow;
  to.row = number;
  to.pieces.push_back(MakePiece(draft, row.label, label_face, 1, draft.style.ink, line, 0));
  for (size_t i = 0; i < row.cells.size(); ++i) {
    to.pieces.push_back(MakePiece(draft, row.cells[i], cell_face, cell_scale, draft.style.ink, line,
                                  static_cast<int>(i) + 1));
  }
}

void StackHead(Draft& draft) {
  const double width = draft.effort.wrap ? draft.Inner().width() / draft.effort.smallest : 0;
  for (const std::string& text : draft.content.head) {
    StackText(draft, text, LineRole::kHead, draft.style.body, 1, draft.style.ink, width);
  }
}

void PairHead(Draft& draft) {
  for (size_t i = 0; i + 1 < draft.stack.size(); ++i) {
    StackLine& left = draft.stack[i];
    const StackLine& right = draft.stack[i + 1];
    if (left.role != LineRole::kHead || right.role != LineRole::kHead) continue;
    const double advance = left.advance() + right.advance() + kHeadGap;
    if (advance * draft.style.wish > draft.Inner().width()) return;
    left.pieces.push_back(right.pieces.front());
    draft.stack.erase(draft.stack.begin() + static_cast<ptrdiff_t>(i) + 1);
    return;
  }
}

void StackTitle(Draft& draft, double scale, double width) {
  if (width == 0 && draft.effort.wrap) width = draft.Inner().width() / draft.effort.smallest;
  StackText(draft, draft.content.title, LineRole::kTitle, draft.style.strong, scale,
            draft.style.title_band ? draft.style.on_accent : draft.style.ink, width);
}

void StackFoot(Draft& draft) {
  const double width = draft.effort.wrap ? draft.Inner().width() / draft.effort.smallest : 0;
  const bool strong = draft.random.Chance(0.4);
  for (const std::string& text : draft.content.foot) {
    StackText(draft, text, LineRole::kFoot, strong ? draft.style.strong : draft.style.body, 1,
              draft.style.ink, width);
  }
}

double ScaleAt(double scale, double px) {
  return std::max(1.0, std::min(scale, kLargestTitle / px));
}

double HeightAt(const Draft& draft, std::span<const StackLine> stack, double px) {
  double height = 0;
  for (const StackLine& line : stack) {
    height += (draft.ascent() + draft.descent()) * ScaleAt(line.scale(), px) * px;
    height += draft.GapAt(px);
  }
  return height;
}

std::vector<LinePlace> Spread(Draft& draft, std::span<const StackLine> stack, double top,
                              double height) {
  const double px = draft.size_px;
  double letters = 0;
  for (const StackLine& line : stack) {
    letters += (draft.ascent() + draft.descent()) * ScaleAt(line.scale(), px) * px;
  }
  const double count = std::max<double>(1, static_cast<double>(stack.size()));
  const double least = draft.GapAt(px);
  const double most = std::max(least, px * draft.random.Real(0.5, 1.0));
  const double gap = std::clamp((height - letters) / count, std::min(least, most), most);
  const double rest = std::max(0.0, height - letters - gap * count);
  double y = top + rest * draft.random.Real(0, 0.6);
  std::vector<LinePlace> places;
  for (const StackLine& line : stack) {
    const double size = ScaleAt(line.scale(), px) * px;
    LinePlace place;
    place.top = y;
    place.baseline = y + gap / 2 + draft.ascent() * size;
    place.bottom = y + gap + (draft.ascent() + draft.descent()) * size;
    y = place.bottom;
    places.push_back(place);
  }
  return places;
}

double Aligned(Align align, double x0, double x1, double width) {
  switch (align) {
    case Align::kLeft: return x0;
    case Align::kCenter: return (x0 + x1 - width) / 2;
    case Align::kRight: return x1 - width;
  }
  return x0;
}

void PlaceText(Draft& draft, const StackLine& line, const LinePlace& place, const Area& area,
               Align align) {
  const double px = draft.size_px;
  const TextPiece& piece = line.pieces.front();
  if (line.pieces.size() == 2) {
    const TextPiece& other = line.pieces.back();
    AddWords(draft.plan, piece, area.x0, place.baseline, px);
    AddWords(draft.plan, other, area.x1 - other.shaped.advance * px, place.baseline, px);
    return;
  }
  const double room = area.width() / (piece.shaped.advance * px);
  const double size = px * std::min(ScaleAt(piece.scale, px), room);
  const double x = Aligned(align, area.x0, area.x1, piece.shaped.advance * size);
  AddWords(draft.plan, piece, x, place.baseline, size);
}

void AddSheet(Draft& draft) {
  const Style& style = draft.style;
  const Area sheet = draft.Sheet();
  const bool whole = style.inset == 0;
  // A sheet that fills the picture still fills it when turned.
  const double over = whole ? 16 : 0;
  const double radius = !whole && style.border == Border::kRounded ? draft.random.Real(4, 12) : 0;
  draft.plan.patches.push_back(
      {sheet.x0 - over, sheet.y0 - over, sheet.x1 + over, sheet.y1 + over, style.paper, 0, radius});
}

void AddBorder(Draft& draft) {
  const Style& style = draft.style;
  const Area sheet = draft.Sheet();
  const auto outline = [&](double in, double line, double radius) {
    draft.plan.patches.push_back(
        {sheet.x0 + in, sheet.y0 + in, sheet.x1 - in, sheet.y1 - in, style.rule, line, radius});
  };
  switch (style.border) {
    case Border::kNone: break;
    case Border::kThin: outline(3.5, 1, 0); break;
    case Border::kDouble:
      outline(2, 1, 0);
      outline(5, 1, 0);
      break;
    case Border::kRounded: outline(3.5, 1.6, 7); break;
  }
}

void AddTitleBand(Draft& draft, std::span<const LinePlace> places) {
  if (!draft.style.title_band) return;
  double top = 0, bottom = -1;
  for (size_t i = 0; i < places.size(); ++i) {
    if (draft.stack[i].role != LineRole::kTitle) continue;
    if (bottom < 0)
      top = i == 0 ? draft.Sheet().y0 - (draft.style.inset == 0 ? 16 : 0) : places[i].top;
    bottom = places[i].bottom;
  }
  if (bottom < 0) return;
  const double over = draft.style.inset == 0 ? 16 : 0;
  Fill(draft.plan, draft.Sheet().x0 - over, top, draft.Sheet().x1 + over, bottom,
       draft.style.accent);
}

}  // namespace sightline::demo_world
