#include "cli/eval_text_page.h"

#include <algorithm>

#include "cli/demo_pdf.h"
#include "cli/terminal.h"

namespace sightline::cli {
namespace {

using demo_world::Box;
using demo_world::DrawnPage;
using demo_world::PageLine;

// Of a line's height.
constexpr double kLetters = 0.8;
constexpr double kBaseline = 0.8;  // from the top
// Of the letters' size, what a column takes at least.
constexpr double kNarrowest = 0.4;

// Points of the sheet for the whole width and height of the picture, whose shape stays.
struct Scale {
  double x, y;

  explicit Scale(const demo_world::Picture& picture) {
    const double points =
        std::min(PdfWriter::kWidth / picture.width, PdfWriter::kHeight / picture.height);
    x = points * picture.width;
    y = points * picture.height;
  }
};

double LetterSize(const PageLine& line, const Scale& scale) {
  return kLetters * (line.box.y1 - line.box.y0) * scale.y;
}

// Where its words stand, in points from the top: one height for a row, however the picture turns
// it.
double Baseline(const PageLine& line, const Scale& scale) {
  return (line.box.y0 + kBaseline * (line.box.y1 - line.box.y0)) * scale.y;
}

// A part of a row as a line of its own: at the height of its row, but for a chart's, whose parts
// stand below each other.
PageLine PartOf(const demo_world::PageContent& content, const PageLine& row, size_t part) {
  PageLine out;
  out.box = row.parts[part];
  if (content.kind != demo_world::PageKind::kBarChart) {
    out.box.y0 = row.box.y0;
    out.box.y1 = row.box.y1;
  }
  return out;
}

}  // namespace

std::string TextPage(const demo_world::PageContent& content, const DrawnPage& drawn) {
  const Scale scale(drawn.picture);
  PdfWriter pdf;
  pdf.BeginPage();
  const auto write = [&](const PageLine& line, const std::string& text) {
    pdf.Text(line.box.x0 * scale.x, Baseline(line, scale), LetterSize(line, scale), text);
  };
  for (const PageLine& line : drawn.lines) {
    if (line.row < 0 || line.parts.empty()) {
      write(line, line.text);
      continue;
    }
    const demo_world::PageRow& row = content.rows[static_cast<size_t>(line.row)];
    for (size_t i = 0; i < line.parts.size() && i <= row.cells.size(); ++i) {
      write(PartOf(content, line, i), i == 0 ? row.label : row.cells[i - 1]);
    }
  }
  return pdf.Finish();
}

Box OnTextPage(const demo_world::PageContent& content, const PageLine& line,
               const DrawnPage& drawn) {
  const Scale scale(drawn.picture);
  const bool is_row = line.row >= 0 && !line.parts.empty();
  const PageLine last = is_row ? PartOf(content, line, line.parts.size() - 1) : line;
  const double size = LetterSize(last, scale);
  const double baseline = Baseline(last, scale);
  // The last part of a row ends behind its first column at least; of a chart's row it is the value.
  const bool is_chart = content.kind == demo_world::PageKind::kBarChart;
  const double begin = is_row && !is_chart ? line.parts.front().x0 : last.box.x0;
  const int columns = is_row ? 1 : DisplayWidth(line.text);
  return {begin * scale.x / PdfWriter::kWidth, (baseline - size / 2) / PdfWriter::kHeight,
          (last.box.x0 * scale.x + kNarrowest * size * columns) / PdfWriter::kWidth,
          baseline / PdfWriter::kHeight};
}

}  // namespace sightline::cli
