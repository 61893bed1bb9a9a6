#include "tools/demo_world/page_board.h"

#include <algorithm>
#include <vector>

namespace sightline::demo_world {
namespace {

constexpr double kBarcodeHeight = 24;  // pixels, with the space above it

void AddBarcode(Draft& draft, double x0, double y0, double x1, double y1) {
  double x = x0;
  while (true) {
    const double bar = draft.random.Between(1, 3);
    if (x + bar > x1) return;
    Fill(draft.plan, x, y0, x + bar, y1, draft.style.ink);
    x += bar + draft.random.Between(1, 3);
  }
}

}  // namespace

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
    for (const TextPiece& piece : line.pieces)
      width += piece.shaped.advance * ScaleAt(piece.scale, px) * px;
    return width;
  };
  const auto fits_with = [&](double spare) {
    return LargestSize(draft, [&](double px) {
      if (HeightAt(draft, draft.stack, px) + spare > area.height()) return false;
      return std::all_of(draft.stack.begin(), draft.stack.end(), [&](const StackLine& line) {
        return (line.role == LineRole::kRow ? row_width(line, px) : line.advance() * px) <=
               area.width();
      });
    });
  };
  double spare = barcode ? kBarcodeHeight : 0;
  draft.size_px = fits_with(spare);
  if (draft.size_px == 0 && spare > 0) draft.size_px = fits_with(spare = 0);
  if (draft.size_px == 0) return false;

  const double px = draft.size_px;
  const std::vector<LinePlace> places = Spread(draft, draft.stack, area.y0, area.height() - spare);
  AddSheet(draft);
  AddTitleBand(draft, places);
  AddBorder(draft);
  const Align align = sign && draft.random.Chance(0.7) ? Align::kCenter : style.title;
  const bool apart = draft.random.Chance(0.4);
  const Align foot = draft.random.Chance(0.7) ? align : Align::kLeft;
  for (size_t i = 0; i < places.size(); ++i) {
    const StackLine& line = draft.stack[i];
    if (line.role != LineRole::kRow) {
      PlaceText(draft, line, places[i], area, line.role == LineRole::kFoot ? foot : align);
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

}  // namespace sightline::demo_world
