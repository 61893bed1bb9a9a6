#include "tools/demo_world/page_table.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sightline::demo_world {
namespace {

constexpr double kColumnGap = 0.75;  // em between columns, at least

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

void AddRules(Draft& draft, std::span<const LinePlace> places, const Columns& columns) {
  const Style& style = draft.style;
  const double x0 = columns.left.front() - 4;
  const double x1 = columns.right.back() + 4;
  std::optional<double> top, rows_top;
  double bottom = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    const LineRole role = draft.stack[i].role;
    if (role != LineRole::kColumns && role != LineRole::kRow) continue;
    if (!top) top = places[i].top;
    if (role == LineRole::kRow && !rows_top) rows_top = places[i].top;
    bottom = places[i].bottom;
    if (role == LineRole::kColumns && style.head_band) {
      Fill(draft.plan, x0, places[i].top, x1, places[i].bottom, style.accent);
    } else if (role == LineRole::kRow && style.rules == Rules::kZebra &&
               draft.stack[i].row % 2 == 1) {
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
        const LineRole role = draft.stack[i].role;
        if (role == LineRole::kColumns || role == LineRole::kRow) across(places[i].bottom);
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

}  // namespace

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
    to.role = LineRole::kColumns;
    for (size_t i = 0; i < content.columns.size(); ++i) {
      to.pieces.push_back(MakePiece(draft, content.columns[i], face, 1,
                                    style.head_band ? style.on_accent : style.ink, line,
                                    static_cast<int>(i)));
    }
  }
  for (int i = 0; i < static_cast<int>(content.rows.size()); ++i) {
    StackRow(draft, i, style.body, style.body, 1);
  }
  StackFoot(draft);

  std::vector<double> widths;
  for (const StackLine& line : draft.stack) {
    if (line.role != LineRole::kColumns && line.role != LineRole::kRow) continue;
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
      const bool in_columns = line.role == LineRole::kColumns || line.role == LineRole::kRow;
      return in_columns || line.advance() * px <= area.width();
    });
  });
  if (draft.size_px == 0) return false;

  const std::vector<LinePlace> places = Spread(draft, draft.stack, area.y0, area.height());
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
    if (line.role == LineRole::kColumns || line.role == LineRole::kRow) {
      for (size_t j = 0; j < line.pieces.size(); ++j) {
        const double width = line.pieces[j].shaped.advance * draft.size_px;
        const double x = Aligned(j == 0 ? Align::kLeft : style.numbers, columns.left[j],
                                 columns.right[j], width);
        AddWords(draft.plan, line.pieces[j], x, places[i].baseline, draft.size_px);
        if (leaders && line.role == LineRole::kRow && j == 1) {
          AddLeader(draft, draft.plan.words.end()[-2], draft.plan.words.back());
        }
      }
    } else {
      PlaceText(draft, line, places[i], area, line.role == LineRole::kFoot ? foot : style.title);
    }
  }
  return true;
}

}  // namespace sightline::demo_world
