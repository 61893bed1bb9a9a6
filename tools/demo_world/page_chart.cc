#include "tools/demo_world/page_chart.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sightline::demo_world {
namespace {

constexpr double kLeastBar = 44;  // pixels of the longest bar, at least

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

}  // namespace

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
    if (line.role != LineRole::kRow) continue;
    labels = std::max(labels, line.pieces[0].shaped.advance);
    numbers = std::max(numbers, line.advance() - line.pieces[0].shaped.advance);
  }
  const Area area = draft.Inner();
  draft.size_px = LargestSize(draft, [&](double px) {
    if (HeightAt(draft, draft.stack, px) > area.height()) return false;
    if ((labels + numbers) * px + 12 + kLeastBar > area.width()) return false;
    return std::all_of(draft.stack.begin(), draft.stack.end(), [&](const StackLine& line) {
      return line.role == LineRole::kRow || line.advance() * px <= area.width();
    });
  });
  if (draft.size_px == 0) return false;

  const double px = draft.size_px;
  const std::vector<LinePlace> places = Spread(draft, draft.stack, area.y0, area.height());
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
    const LinePlace& place = places[i];
    if (line.role != LineRole::kRow) {
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
      for (const TextPiece& piece : line.pieces) {
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
  const std::vector<LinePlace> above = Spread(draft, all.first(first), area.y0, heads);
  const std::vector<LinePlace> below = Spread(draft, all.subspan(first), area.y1 - feet, feet);
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
    const auto centered = [&](const TextPiece& piece) {
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

}  // namespace sightline::demo_world
