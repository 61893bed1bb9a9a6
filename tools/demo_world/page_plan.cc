#include "tools/demo_world/page_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include "tools/demo_world/page_board.h"
#include "tools/demo_world/page_chart.h"
#include "tools/demo_world/page_draft.h"
#include "tools/demo_world/page_table.h"

namespace sightline::demo_world {
namespace {

struct Size {
  int width, height;
};
constexpr std::array<Size, 4> kBoardSizes = {{{192, 128}, {256, 128}, {256, 160}, {192, 192}}};
constexpr std::array<Size, 4> kChartSizes = {{{256, 192}, {256, 192}, {256, 192}, {320, 224}}};
constexpr std::array<Size, 3> kTableSizes = {{{320, 192}, {320, 224}, {320, 256}}};
constexpr Size kLargest = {320, 256};

constexpr std::array<Effort, 5> kEfforts = {{{kSmallestLetters, false, false},
                                             {kSmallestLetters, true, false},
                                             {kSmallestLetters, true, true},
                                             {11, true, true},
                                             {6, true, true}}};

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
        Draft draft{content, style, effort, random, {}, {}, 0};
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

  TextPiece piece;
  piece.ink = band ? style.on_accent : style.ink;
  piece.shaped = ShapeText(text, random.Chance(0.3) ? style.strong : style.body, style.tracking);
  double size = random.Real(kSmallestLetters, 22);
  if (random.Chance(0.15)) size = random.Real(22, kLargestTitle);
  constexpr double kEdge = 4;
  const double room = kLargest.width - 2 * kEdge;
  if (piece.shaped.advance * std::min(size, 16.0) > room) {
    piece.shaped = ShapeText(text, {Family::kCondensed, false});
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
