#include "tools/demo_world/page_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

namespace sightline::demo_world {
namespace {

struct Size {
  int width, height;
};
constexpr std::array<Size, 4> kBoardSizes = {{{192, 128}, {256, 128}, {256, 160}, {192, 192}}};
constexpr std::array<Size, 4> kChartSizes = {{{256, 192}, {256, 192}, {256, 192}, {320, 224}}};
constexpr std::array<Size, 3> kTableSizes = {{{320, 192}, {320, 224}, {320, 256}}};
constexpr Size kLargest = {320, 256};

constexpr double kSmallestLetters = 14;  // pixels an em
constexpr double kLargestTitle = 26;
constexpr double kLeastGap = 2.5;      // pixels between lines
constexpr double kColumnGap = 0.75;    // em between columns, at least
constexpr double kHeadGap = 1.5;       // em between two lines side by side
constexpr double kLeastBar = 44;       // pixels of the longest bar, at least
constexpr double kBarcodeHeight = 24;  // with the space above it

// What a page may do to make room, from nothing to anything.
struct Effort {
  double smallest;
  bool condensed;
  bool wrap;
};
constexpr std::array<Effort, 5> kEfforts = {{{kSmallestLetters, false, false},
                                             {kSmallestLetters, true, false},
                                             {kSmallestLetters, true, true},
                                             {11, true, true},
                                             {6, true, true}}};

struct Area {
  double x0, y0, x1, y1;
  double width() const { return x1 - x0; }
  double height() const { return y1 - y0; }
};

enum class Role { kTitle, kHead, kColumns, kRow, kFoot };

struct Piece {
  Shaped shaped;
  double scale = 1;  // of the page's letter size
  Tone ink;
  int line = 0;  // index into the plan's lines
  int part = -1;
};

// What stands at one height.
struct StackLine {
  Role role = Role::kHead;
  int row = -1;
  std::vector<Piece> pieces;

  double scale() const {
    double largest = 1;
    for (const Piece& piece : pieces) largest = std::max(largest, piece.scale);
    return largest;
  }
  // In em, without gaps; a piece that is larger than the page's letters can shrink to them.
  double advance() const {
    double sum = 0;
    for (const Piece& piece : pieces) sum += piece.shaped.advance;
    return sum;
  }
};

struct Place {
  double top, baseline, bottom;  // pixels; top and bottom lie amid the gaps
};

// A page in the making.
struct Draft {
  const PageContent& content;
  const Style& style;
  Effort effort;
  Size size;
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
    return {inset, inset, size.width - inset, size.height - inset};
  }
  Area Inner() const {
    const double edge = style.inset + style.padding;
    return {edge, edge, size.width - edge, size.height - edge};
  }
  Face Fit(Face face) const {
    if (effort.condensed) return {Family::kCondensed, false};
    return face;
  }
  double GapAt(double px) const {
    return px > kSmallestLetters ? std::max(kLeastGap, style.gap * px) : kLeastGap;
  }
};

int AddLine(PagePlan& plan, std::string text, int row) {
  PageLine line;
  line.text = std::move(text);
  line.row = row;
  plan.lines.push_back(std::move(line));
  return static_cast<int>(plan.lines.size()) - 1;
}

void AddWords(PagePlan& plan, const Piece& piece, double x, double baseline, double size) {
  plan.words.push_back({piece.shaped, x, baseline, size, piece.ink, piece.line, piece.part});
}

void Fill(PagePlan& plan, double x0, double y0, double x1, double y1, const Tone& tone) {
  plan.patches.push_back({x0, y0, x1, y1, tone, 0, 0});
}

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
    if (!line.empty() && Shape(WithoutEndBlanks(longer), face, tracking).advance > width) {
      lines.push_back(WithoutEndBlanks(line));
      line = unit;
    } else {
      line = longer;
    }
  }
  lines.push_back(WithoutEndBlanks(line));
  return lines;
}

Piece MakePiece(const Draft& draft, const std::string& text, Face face, double scale,
                const Tone& ink, int line, int part = -1) {
  return {Shape(text, draft.Fit(face), draft.style.tracking), scale, ink, line, part};
}

// A line that stands alone, or several where it must be broken to be no wider than `width` em.
void StackText(Draft& draft, const std::string& text, Role role, Face face, double scale,
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

void StackRow(Draft& draft, int number, Face label_face, Face cell_face, double cell_scale) {
  const PageRow& row = draft.content.rows[number];
  std::string text = row.label;
  for (const std::string& cell : row.cells) text += ' ' + cell;
  const int line = AddLine(draft.plan, text, number);
  StackLine& to = draft.stack.emplace_back();
  to.role = Role::kRow;
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
    StackText(draft, text, Role::kHead, draft.style.body, 1, draft.style.ink, width);
  }
}

// Puts the first two lines of the head side by side where they have room.
void PairHead(Draft& draft) {
  for (size_t i = 0; i + 1 < draft.stack.size(); ++i) {
    StackLine& left = draft.stack[i];
    const StackLine& right = draft.stack[i + 1];
    if (left.role != Role::kHead || right.role != Role::kHead) continue;
    const double advance = left.advance() + right.advance() + kHeadGap;
    if (advance * draft.style.wish > draft.Inner().width()) return;
    left.pieces.push_back(right.pieces.front());
    draft.stack.erase(draft.stack.begin() + static_cast<ptrdiff_t>(i) + 1);
    return;
  }
}

void StackTitle(Draft& draft, double scale, double width) {
  if (width == 0 && draft.effort.wrap) width = draft.Inner().width() / draft.effort.smallest;
  StackText(draft, draft.content.title, Role::kTitle, draft.style.strong, scale,
            draft.style.title_band ? draft.style.on_accent : draft.style.ink, width);
}

void StackFoot(Draft& draft) {
  const double width = draft.effort.wrap ? draft.Inner().width() / draft.effort.smallest : 0;
  const bool strong = draft.random.Chance(0.4);
  for (const std::string& text : draft.content.foot) {
    StackText(draft, text, Role::kFoot, strong ? draft.style.strong : draft.style.body, 1,
              draft.style.ink, width);
  }
}

// What a scale comes to when the page's letters have `px` pixels an em.
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

// The largest letter size, no more than the style wishes, for which `fits` holds; 0 if none.
template <typename Fits>
double LargestSize(const Draft& draft, const Fits& fits) {
  for (double px = draft.style.wish; px >= draft.effort.smallest; px -= 0.5) {
    if (fits(px)) return px;
  }
  return fits(draft.effort.smallest) ? draft.effort.smallest : 0;
}

// Heights of the lines in `area`, whose height is at least HeightAt. What is left over widens the
// gaps, but not beyond what still reads as one text.
std::vector<Place> Spread(Draft& draft, std::span<const StackLine> stack, double top,
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
  std::vector<Place> places;
  for (const StackLine& line : stack) {
    const double size = ScaleAt(line.scale(), px) * px;
    Place place;
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

// A line of one piece, as large as it wants to be and the area allows, or of two side by side.
void PlaceText(Draft& draft, const StackLine& line, const Place& place, const Area& area,
               Align align) {
  const double px = draft.size_px;
  const Piece& piece = line.pieces.front();
  if (line.pieces.size() == 2) {
    const Piece& other = line.pieces.back();
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

// The band behind the title, if the style has one and the title stands on top.
void AddTitleBand(Draft& draft, std::span<const Place> places) {
  if (!draft.style.title_band) return;
  double top = 0, bottom = -1;
  for (size_t i = 0; i < places.size(); ++i) {
    if (draft.stack[i].role != Role::kTitle) continue;
    if (bottom < 0)
      top = i == 0 ? draft.Sheet().y0 - (draft.style.inset == 0 ? 16 : 0) : places[i].top;
    bottom = places[i].bottom;
  }
  if (bottom < 0) return;
  const double over = draft.style.inset == 0 ? 16 : 0;
  Fill(draft.plan, draft.Sheet().x0 - over, top, draft.Sheet().x1 + over, bottom,
       draft.style.accent);
}

// Columns of a table: where each begins and ends.
struct Columns {
  std::vector<double> left, right;  // pixels
};

Columns PlaceColumns(Draft& draft, std::span<const double> widths, const Area& area) {
  double sum = 0;
  for (const double width : widths) sum += width * draft.size_px;
  const double gaps = std::max<double>(1, static_cast<double>(widths.size()) - 1);
  const double widest = (area.width() - sum) / gaps;
  double gap = widest;
  double x = area.x0;
  if (draft.random.Chance(0.4)) {
    gap = std::min(widest, draft.size_px * draft.random.Real(kColumnGap + 0.4, 3));
    if (draft.random.Chance(0.5)) x += (widest - gap) * gaps / 2;
  }
  Columns columns;
  for (const double width : widths) {
    columns.left.push_back(x);
    columns.right.push_back(x + width * draft.size_px);
    x += width * draft.size_px + gap;
  }
  return columns;
}

void AddRules(Draft& draft, std::span<const Place> places, const Columns& columns) {
  const Style& style = draft.style;
  const double x0 = columns.left.front() - 4;
  const double x1 = columns.right.back() + 4;
  std::optional<double> top, rows_top;
  double bottom = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    const Role role = draft.stack[i].role;
    if (role != Role::kColumns && role != Role::kRow) continue;
    if (!top) top = places[i].top;
    if (role == Role::kRow && !rows_top) rows_top = places[i].top;
    bottom = places[i].bottom;
    if (role == Role::kColumns && style.head_band) {
      Fill(draft.plan, x0, places[i].top, x1, places[i].bottom, style.accent);
    } else if (role == Role::kRow && style.rules == Rules::kZebra && draft.stack[i].row % 2 == 1) {
      Fill(draft.plan, x0, places[i].top, x1, places[i].bottom, style.tint);
    }
  }
  if (!top) return;
  const auto across = [&](double y) { Fill(draft.plan, x0, y - 0.5, x1, y + 0.5, style.rule); };
  switch (style.rules) {
    case Rules::kNone:
    case Rules::kZebra: break;
    case Rules::kUnderHead:
      if (rows_top) across(*rows_top);
      across(bottom);
      break;
    case Rules::kUnderRows:
    case Rules::kGrid:
      across(*top);
      for (size_t i = 0; i < places.size(); ++i) {
        const Role role = draft.stack[i].role;
        if (role == Role::kColumns || role == Role::kRow) across(places[i].bottom);
      }
      break;
  }
  if (style.rules != Rules::kGrid) return;
  const auto down = [&](double x) { Fill(draft.plan, x - 0.5, *top, x + 0.5, bottom, style.rule); };
  down(x0);
  for (size_t i = 1; i < columns.left.size(); ++i) {
    down((columns.right[i - 1] + columns.left[i]) / 2);
  }
  down(x1);
}

// Dots that lead the eye from a label to what stands at the other end of its row.
void AddLeader(Draft& draft, const Words& from, const Words& to) {
  constexpr double kStep = 4;
  const double end = to.x - 7;
  for (double x = from.x + from.shaped.advance * from.size + 7; x < end; x += kStep) {
    Fill(draft.plan, x, from.baseline - 1.2, x + 1.2, from.baseline, draft.style.rule);
  }
}

bool PlanTable(Draft& draft) {
  const PageContent& content = draft.content;
  const Style& style = draft.style;
  StackTitle(draft, 1.2, 0);
  StackHead(draft);
  if (draft.random.Chance(0.3)) PairHead(draft);
  if (!content.columns.empty()) {
    const Face face = {style.body.family, draft.random.Chance(0.6)};
    std::string text;
    for (const std::string& column : content.columns) text += (text.empty() ? "" : " ") + column;
    const int line = AddLine(draft.plan, text, -1);
    StackLine& to = draft.stack.emplace_back();
    to.role = Role::kColumns;
    for (const std::string& column : content.columns) {
      to.pieces.push_back(
          MakePiece(draft, column, face, 1, style.head_band ? style.on_accent : style.ink, line));
    }
  }
  for (int i = 0; i < static_cast<int>(content.rows.size()); ++i) {
    StackRow(draft, i, style.body, style.body, 1);
  }
  StackFoot(draft);

  std::vector<double> widths;
  for (const StackLine& line : draft.stack) {
    if (line.role != Role::kColumns && line.role != Role::kRow) continue;
    widths.resize(std::max(widths.size(), line.pieces.size()));
    for (size_t i = 0; i < line.pieces.size(); ++i) {
      widths[i] = std::max(widths[i], line.pieces[i].shaped.advance);
    }
  }
  double table = widths.empty() ? 0 : kColumnGap * static_cast<double>(widths.size() - 1);
  for (const double width : widths) table += width;
  const Area area = draft.Inner();
  draft.size_px = LargestSize(draft, [&](double px) {
    if (table * px > area.width() || HeightAt(draft, draft.stack, px) > area.height()) return false;
    return std::all_of(draft.stack.begin(), draft.stack.end(), [&](const StackLine& line) {
      const bool in_columns = line.role == Role::kColumns || line.role == Role::kRow;
      return in_columns || line.advance() * px <= area.width();
    });
  });
  if (draft.size_px == 0) return false;

  const std::vector<Place> places = Spread(draft, draft.stack, area.y0, area.height());
  AddSheet(draft);
  AddTitleBand(draft, places);
  Columns columns;
  if (!widths.empty()) {
    columns = PlaceColumns(draft, widths, area);
    AddRules(draft, places, columns);
  }
  AddBorder(draft);
  const Align foot = draft.random.Chance(0.5) ? Align::kRight : Align::kLeft;
  const bool leaders =
      (style.rules == Rules::kNone || style.rules == Rules::kUnderHead) && draft.random.Chance(0.4);
  for (size_t i = 0; i < places.size(); ++i) {
    const StackLine& line = draft.stack[i];
    if (line.role == Role::kColumns || line.role == Role::kRow) {
      for (size_t j = 0; j < line.pieces.size(); ++j) {
        const double width = line.pieces[j].shaped.advance * draft.size_px;
        const double x = Aligned(j == 0 ? Align::kLeft : style.numbers, columns.left[j],
                                 columns.right[j], width);
        AddWords(draft.plan, line.pieces[j], x, places[i].baseline, draft.size_px);
        if (leaders && line.role == Role::kRow && j == 1) {
          AddLeader(draft, draft.plan.words.end()[-2], draft.plan.words.back());
        }
      }
    } else {
      PlaceText(draft, line, places[i], area, line.role == Role::kFoot ? foot : style.title);
    }
  }
  return true;
}

// The number a bar stands for; its writing may hold marks of thousands or a unit.
double NumberIn(const PageRow& row) {
  if (row.cells.empty()) return 0;
  std::string digits;
  for (const char c : row.cells.front()) {
    if ((c >= '0' && c <= '9') || c == '.') digits += c;
  }
  return std::atof(digits.c_str());
}

std::vector<Tone> BarTones(Draft& draft) {
  std::array<int, kBarTones> order;
  for (int i = 0; i < kBarTones; ++i) order[i] = i;
  for (int i = kBarTones - 1; i > 0; --i) std::swap(order[i], order[draft.random.Below(i + 1)]);
  std::vector<Tone> tones;
  for (size_t i = 0; i < draft.content.rows.size(); ++i) {
    tones.push_back(BarTone(order[i % kBarTones]));
  }
  return tones;
}

double LargestNumber(const PageContent& content) {
  double largest = 1e-9;
  for (const PageRow& row : content.rows) largest = std::max(largest, NumberIn(row));
  return largest;
}

// Each row a height of its own: label, bar, number.
bool PlanLyingChart(Draft& draft) {
  const Style& style = draft.style;
  const PageContent& content = draft.content;
  StackTitle(draft, 1.15, 0);
  StackHead(draft);
  for (int i = 0; i < static_cast<int>(content.rows.size()); ++i) {
    StackRow(draft, i, style.body, style.body, 1);
  }
  StackFoot(draft);
  double labels = 0, numbers = 0;
  for (const StackLine& line : draft.stack) {
    if (line.role != Role::kRow) continue;
    labels = std::max(labels, line.pieces[0].shaped.advance);
    numbers = std::max(numbers, line.advance() - line.pieces[0].shaped.advance);
  }
  const Area area = draft.Inner();
  draft.size_px = LargestSize(draft, [&](double px) {
    if (HeightAt(draft, draft.stack, px) > area.height()) return false;
    if ((labels + numbers) * px + 12 + kLeastBar > area.width()) return false;
    return std::all_of(draft.stack.begin(), draft.stack.end(), [&](const StackLine& line) {
      return line.role == Role::kRow || line.advance() * px <= area.width();
    });
  });
  if (draft.size_px == 0) return false;

  const double px = draft.size_px;
  const std::vector<Place> places = Spread(draft, draft.stack, area.y0, area.height());
  AddSheet(draft);
  AddTitleBand(draft, places);
  AddBorder(draft);
  const std::vector<Tone> tones = BarTones(draft);
  const double start = area.x0 + labels * px + 6;
  const double longest = area.x1 - numbers * px - 6 - start;
  const double largest = LargestNumber(content);
  const double thickness = draft.random.Real(0.6, 0.9);
  const bool right_labels = draft.random.Chance(0.4);
  std::optional<double> top;
  double bottom = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    const StackLine& line = draft.stack[i];
    const Place& place = places[i];
    if (line.role != Role::kRow) {
      PlaceText(draft, line, place, area, style.title);
      continue;
    }
    if (!top) top = place.top;
    bottom = place.bottom;
    const double length = std::max(2.0, longest * NumberIn(content.rows[line.row]) / largest);
    const double middle = (place.top + place.bottom) / 2;
    const double half = (place.bottom - place.top) * thickness / 2;
    Fill(draft.plan, start, middle - half, start + length, middle + half, tones[line.row]);
    const double width = line.pieces[0].shaped.advance * px;
    AddWords(draft.plan, line.pieces[0], right_labels ? start - 5 - width : area.x0, place.baseline,
             px);
    double x = start + length + 5;
    for (size_t j = 1; j < line.pieces.size(); ++j) {
      AddWords(draft.plan, line.pieces[j], x, place.baseline, px);
      x += line.pieces[j].shaped.advance * px;
    }
  }
  if (top) Fill(draft.plan, start - 1, *top, start, bottom, style.ink);
  return true;
}

// Bars side by side: number on top of each, label below.
bool PlanStandingChart(Draft& draft) {
  const Style& style = draft.style;
  const PageContent& content = draft.content;
  if (content.rows.empty()) return false;
  StackTitle(draft, 1.15, 0);
  StackHead(draft);
  const size_t first = draft.stack.size();
  for (int i = 0; i < static_cast<int>(content.rows.size()); ++i) {
    if (content.rows[i].cells.size() != 1) return false;
    StackRow(draft, i, style.body, style.body, 1);
  }
  const std::vector<StackLine> rows(draft.stack.begin() + static_cast<ptrdiff_t>(first),
                                    draft.stack.end());
  draft.stack.resize(first);
  StackFoot(draft);
  const Area area = draft.Inner();
  const double column = area.width() / static_cast<double>(rows.size());
  const double line_em = draft.ascent() + draft.descent();
  draft.size_px = LargestSize(draft, [&](double px) {
    if (HeightAt(draft, draft.stack, px) + 2 * (line_em * px + 4) + kLeastBar > area.height())
      return false;
    for (const StackLine& line : rows) {
      for (const Piece& piece : line.pieces) {
        if (piece.shaped.advance * px + 5 > column) return false;
      }
    }
    return std::all_of(draft.stack.begin(), draft.stack.end(),
                       [&](const StackLine& line) { return line.advance() * px <= area.width(); });
  });
  if (draft.size_px == 0) return false;

  const double px = draft.size_px;
  const std::span<const StackLine> all = draft.stack;
  const double heads = HeightAt(draft, all.first(first), px);
  const double feet = HeightAt(draft, all.subspan(first), px);
  const std::vector<Place> above = Spread(draft, all.first(first), area.y0, heads);
  const std::vector<Place> below = Spread(draft, all.subspan(first), area.y1 - feet, feet);
  AddSheet(draft);
  AddTitleBand(draft, above);
  AddBorder(draft);
  const double floor = area.y1 - feet - line_em * px - 4;
  const double ceiling = area.y0 + heads + line_em * px + 4;
  const std::vector<Tone> tones = BarTones(draft);
  const double largest = LargestNumber(content);
  const double thickness = draft.random.Real(0.45, 0.85);
  Fill(draft.plan, area.x0, floor, area.x1, floor + 1, style.ink);
  for (size_t i = 0; i < rows.size(); ++i) {
    const double x0 = area.x0 + column * static_cast<double>(i);
    const double height = std::max(2.0, (floor - ceiling) * NumberIn(content.rows[i]) / largest);
    const double half = column * thickness / 2;
    Fill(draft.plan, x0 + column / 2 - half, floor - height, x0 + column / 2 + half, floor,
         tones[i]);
    const auto centered = [&](const Piece& piece) {
      return Aligned(Align::kCenter, x0, x0 + column, piece.shaped.advance * px);
    };
    AddWords(draft.plan, rows[i].pieces[0], centered(rows[i].pieces[0]),
             floor + 3 + draft.ascent() * px, px);
    AddWords(draft.plan, rows[i].pieces[1], centered(rows[i].pieces[1]),
             floor - height - 2 - draft.descent() * px, px);
  }
  for (size_t i = 0; i < first; ++i) PlaceText(draft, all[i], above[i], area, style.title);
  for (size_t i = first; i < all.size(); ++i) {
    PlaceText(draft, all[i], below[i - first], area, style.title);
  }
  return true;
}

void AddBarcode(Draft& draft, double x0, double y0, double x1, double y1) {
  double x = x0;
  while (true) {
    const double bar = draft.random.Between(1, 3);
    if (x + bar > x1) return;
    Fill(draft.plan, x, y0, x + bar, y1, draft.style.ink);
    x += bar + draft.random.Between(1, 3);
  }
}

// A label or a sign: a name, and below it lines of a word and a value.
bool PlanBoard(Draft& draft) {
  const Style& style = draft.style;
  const PageContent& content = draft.content;
  const bool sign = content.kind == PageKind::kSign;
  const bool head_first = !style.title_band && draft.random.Chance(0.3);
  const double title_scale = draft.random.Real(1.15, 1.4);
  // A name may stand in two lines and so be larger.
  const double title_width =
      draft.random.Chance(0.35) ? draft.Inner().width() / (style.wish * title_scale) : 0;
  const bool barcode = !sign && draft.random.Chance(0.6);
  if (head_first) StackHead(draft);
  StackTitle(draft, title_scale, title_width);
  if (!head_first) StackHead(draft);
  const Face value_face = draft.random.Chance(0.6) ? style.strong : style.body;
  const double value_scale = draft.random.Chance(0.6) ? draft.random.Real(1.1, 1.35) : 1;
  for (int i = 0; i < static_cast<int>(content.rows.size()); ++i) {
    StackRow(draft, i, style.body, value_face, value_scale);
  }
  StackFoot(draft);

  const Area area = draft.Inner();
  const double blank = 0.7;  // em between a word and its value
  const auto row_width = [&](const StackLine& line, double px) {
    double width = blank * static_cast<double>(line.pieces.size() - 1) * px;
    for (const Piece& piece : line.pieces)
      width += piece.shaped.advance * ScaleAt(piece.scale, px) * px;
    return width;
  };
  const auto fits_with = [&](double spare) {
    return LargestSize(draft, [&](double px) {
      if (HeightAt(draft, draft.stack, px) + spare > area.height()) return false;
      return std::all_of(draft.stack.begin(), draft.stack.end(), [&](const StackLine& line) {
        return (line.role == Role::kRow ? row_width(line, px) : line.advance() * px) <=
               area.width();
      });
    });
  };
  double spare = barcode ? kBarcodeHeight : 0;
  draft.size_px = fits_with(spare);
  if (draft.size_px == 0 && spare > 0) draft.size_px = fits_with(spare = 0);
  if (draft.size_px == 0) return false;

  const double px = draft.size_px;
  const std::vector<Place> places = Spread(draft, draft.stack, area.y0, area.height() - spare);
  AddSheet(draft);
  AddTitleBand(draft, places);
  AddBorder(draft);
  const Align align = sign && draft.random.Chance(0.7) ? Align::kCenter : style.title;
  const bool apart = draft.random.Chance(0.4);
  const Align foot = draft.random.Chance(0.7) ? align : Align::kLeft;
  for (size_t i = 0; i < places.size(); ++i) {
    const StackLine& line = draft.stack[i];
    if (line.role != Role::kRow) {
      PlaceText(draft, line, places[i], area, line.role == Role::kFoot ? foot : align);
      continue;
    }
    const double width = row_width(line, px);
    double x = apart ? area.x0 : Aligned(align, area.x0, area.x1, width);
    const double wider = apart ? area.width() - width : 0;
    for (size_t j = 0; j < line.pieces.size(); ++j) {
      const double size = ScaleAt(line.pieces[j].scale, px) * px;
      if (j == 1) x += wider;
      AddWords(draft.plan, line.pieces[j], x, places[i].baseline, size);
      x += line.pieces[j].shaped.advance * size + blank * px;
    }
  }
  if (spare > 0) {
    const double width = area.width() * draft.random.Real(0.45, 0.9);
    const double x0 = Aligned(align, area.x0, area.x1, width);
    AddBarcode(draft, x0, area.y1 - kBarcodeHeight + 6, x0 + width, area.y1 - 1);
  }
  return true;
}

std::vector<Size> Sizes(PageKind kind, Random& random) {
  std::span<const Size> from = kTableSizes;
  if (kind == PageKind::kLabel || kind == PageKind::kSign) from = kBoardSizes;
  if (kind == PageKind::kBarChart) from = kChartSizes;
  std::vector<Size> sizes(from.begin(), from.end());
  for (int i = static_cast<int>(sizes.size()) - 1; i > 0; --i) {
    std::swap(sizes[i], sizes[random.Below(i + 1)]);
  }
  sizes.push_back(kLargest);
  return sizes;
}

bool Lay(Draft& draft, bool standing) {
  switch (draft.content.kind) {
    case PageKind::kLabel:
    case PageKind::kSign: return PlanBoard(draft);
    case PageKind::kBarChart: return standing ? PlanStandingChart(draft) : PlanLyingChart(draft);
    case PageKind::kPriceList:
    case PageKind::kInvoice:
    case PageKind::kStockTable: return PlanTable(draft);
  }
  return false;
}

// Pixels that a box keeps from ink: smoothing and blur reach beyond outlines.
constexpr double kBoxMargin = 0.75;

void Include(Area& box, const Area& other) {
  box.x0 = std::min(box.x0, other.x0);
  box.y0 = std::min(box.y0, other.y0);
  box.x1 = std::max(box.x1, other.x1);
  box.y1 = std::max(box.y1, other.y1);
}

// Where the words' ink is once the page is turned, in pixels.
Area InkOf(const PagePlan& plan, const Words& words) {
  const double cx = plan.width / 2.0;
  const double cy = plan.height / 2.0;
  const double cos = std::cos(plan.wear.angle);
  const double sin = std::sin(plan.wear.angle);
  Area box = {1e9, 1e9, -1e9, -1e9};
  for (const Glyph& glyph : words.shaped.glyphs) {
    if (glyph.ink_x1 <= glyph.ink_x0) continue;
    for (const double em_x : {glyph.ink_x0, glyph.ink_x1}) {
      for (const double em_y : {glyph.ink_y0, glyph.ink_y1}) {
        const double x = words.x + em_x * words.size - cx;
        const double y = words.baseline + em_y * words.size - cy;
        const double turned_x = cx + x * cos - y * sin;
        const double turned_y = cy + x * sin + y * cos;
        Include(box, {turned_x - kBoxMargin, turned_y - kBoxMargin, turned_x + kBoxMargin,
                      turned_y + kBoxMargin});
      }
    }
  }
  return box;
}

Box Fraction(const PagePlan& plan, const Area& area) {
  return {area.x0 / plan.width, area.y0 / plan.height, area.x1 / plan.width, area.y1 / plan.height};
}

// Fills in the boxes. False if one leaves the picture or two overlap.
bool SetBoxes(PagePlan& plan) {
  const Area none = {1e9, 1e9, -1e9, -1e9};
  std::vector<Area> lines(plan.lines.size(), none);
  std::vector<std::vector<Area>> parts(plan.lines.size());
  for (const Words& words : plan.words) {
    const Area ink = InkOf(plan, words);
    Include(lines[words.line], ink);
    if (words.part < 0) continue;
    std::vector<Area>& of_line = parts[words.line];
    if (of_line.size() <= static_cast<size_t>(words.part)) of_line.resize(words.part + 1, none);
    Include(of_line[words.part], ink);
  }
  bool good = true;
  for (size_t i = 0; i < lines.size(); ++i) {
    const Area& box = lines[i];
    if (box.x0 < 0 || box.y0 < 0 || box.x1 > plan.width || box.y1 > plan.height) good = false;
    for (size_t j = 0; j < i; ++j) {
      const Area& other = lines[j];
      if (box.x0 < other.x1 && other.x0 < box.x1 && box.y0 < other.y1 && other.y0 < box.y1) {
        good = false;
      }
    }
    plan.lines[i].box = Fraction(plan, box);
    plan.lines[i].parts.clear();
    for (const Area& part : parts[i]) plan.lines[i].parts.push_back(Fraction(plan, part));
  }
  return good;
}

// Turns the page as far as its style wants and its lines' boxes allow.
void Turn(PagePlan& plan) {
  while (!SetBoxes(plan) && plan.wear.angle != 0) {
    plan.wear.angle = std::abs(plan.wear.angle) < 0.002 ? 0 : plan.wear.angle * 0.6;
  }
}

}  // namespace

PagePlan PlanPage(const PageContent& content, uint64_t view) {
  Random random(view);
  const Style style = MakeStyle(content.kind, content.language, random);
  const std::vector<Size> sizes = Sizes(content.kind, random);
  const bool stands = random.Chance(0.5);
  for (const Effort& effort : kEfforts) {
    for (const Size& size : sizes) {
      for (const bool standing : {stands, !stands}) {
        Draft draft{content, style, effort, size, random, {}, {}, 0};
        draft.plan.width = size.width;
        draft.plan.height = size.height;
        draft.plan.ground = style.ground;
        draft.plan.wear = style.wear;
        if (Lay(draft, standing)) {
          Turn(draft.plan);
          return std::move(draft.plan);
        }
        if (content.kind != PageKind::kBarChart) break;
      }
    }
  }
  // More words than the contract lets a page have.
  PagePlan empty;
  empty.width = kLargest.width;
  empty.height = kLargest.height;
  empty.ground = style.paper;
  return empty;
}

PagePlan PlanWords(const std::string& text, uint64_t view) {
  Random random(view);
  constexpr std::array<PageKind, 4> kKindsOfPage = {PageKind::kLabel, PageKind::kPriceList,
                                                    PageKind::kBarChart, PageKind::kSign};
  const PageKind kind = random.Pick(std::span<const PageKind>(kKindsOfPage));
  const Language language = HasHan(text) ? Language::kChinese : Language::kEnglish;
  const Style style = MakeStyle(kind, language, random);
  const bool band = random.Chance(0.2);
  const bool tinted = !band && random.Chance(0.15);

  Piece piece;
  piece.ink = band ? style.on_accent : style.ink;
  piece.shaped = Shape(text, random.Chance(0.3) ? style.strong : style.body, style.tracking);
  double size = random.Real(kSmallestLetters, 22);
  if (random.Chance(0.15)) size = random.Real(22, kLargestTitle);
  constexpr double kEdge = 4;
  const double room = kLargest.width - 2 * kEdge;
  if (piece.shaped.advance * std::min(size, 16.0) > room) {
    piece.shaped = Shape(text, {Family::kCondensed, false});
  }
  size = std::min(size, room / std::max(piece.shaped.advance, 0.1));
  // The parts of a row stand further apart than words do.
  const size_t blank = text.find_last_of(' ');
  if (blank != std::string::npos && random.Chance(0.3)) {
    const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    const ptrdiff_t before =
        std::count_if(text.begin(), text.begin() + static_cast<ptrdiff_t>(blank) + 1, starts);
    const double gap = random.Real(0, std::min(4.0, room / size - piece.shaped.advance));
    for (auto i = static_cast<size_t>(before); i < piece.shaped.glyphs.size(); ++i) {
      Glyph& glyph = piece.shaped.glyphs[i];
      glyph.x += gap;
      glyph.ink_x0 += gap;
      glyph.ink_x1 += gap;
    }
    piece.shaped.advance += gap;
  }

  const Family tallest = language == Language::kChinese ? Family::kHei : Family::kSans;
  const double ascent = Ascent(tallest) * size;
  const double height = ascent + Descent(tallest) * size;
  const double width = piece.shaped.advance * size;
  PagePlan plan;
  plan.wear = style.wear;
  const int least = static_cast<int>(std::ceil((width + 2 * kEdge) / 32)) * 32;
  plan.width = std::min(kLargest.width, least + (random.Chance(0.3) ? 32 : 0));
  plan.height = height + 3 > 32 || random.Chance(0.15) ? 64 : 32;
  plan.ground = band ? style.accent : tinted ? style.tint : style.paper;
  const double x = random.Real(kEdge, plan.width - kEdge - width + 1e-9);
  const double top = random.Real(1.5, plan.height - 1.5 - height + 1e-9);
  const double baseline = top + ascent;
  // Rules stand where a table would have them.
  if (random.Chance(0.3)) {
    const double y = std::max(0.5, top - 1.5);
    Fill(plan, -16, y - 0.5, plan.width + 16, y + 0.5, style.rule);
  }
  if (random.Chance(0.3)) {
    const double y = std::min(plan.height - 0.5, top + height + 1.5);
    Fill(plan, -16, y - 0.5, plan.width + 16, y + 0.5, style.rule);
  }
  piece.line = AddLine(plan, text, -1);
  AddWords(plan, piece, x, baseline, size);
  Turn(plan);
  return plan;
}

}  // namespace sightline::demo_world
