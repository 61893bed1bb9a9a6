#include "cli/eval_text_page.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/demo_pdf.h"
#include "cli/eval_metrics.h"

namespace sightline::cli {
namespace {

using demo_world::Box;
using demo_world::DrawnPage;
using demo_world::PageLine;

// Of a line's height.
constexpr double kLetters = 0.8;
constexpr double kBaseline = 0.8;  // from the top

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

// The text of a part of a row, or of the heads of columns.
const std::string& Cell(const demo_world::PageContent& content, const PageLine& line, size_t part) {
  if (line.row < 0) return content.columns[part];
  const demo_world::PageRow& row = content.rows[static_cast<size_t>(line.row)];
  return part == 0 ? row.label : row.cells[part - 1];
}

// A text that the file has in one piece.
struct Piece {
  std::string text;
  double x, y, size;  // points, as of PdfWriter::Text

  Piece(std::string words, const PageLine& line, const Scale& scale)
      : text(std::move(words)),
        x(line.box.x0 * scale.x),
        y(Baseline(line, scale)),
        size(LetterSize(line, scale)) {}

  Box Place() const {
    const PdfWriter::Extent extent = PdfWriter::ExtentOf(x, y, size, text);
    return {extent.left / PdfWriter::kWidth, std::max(0.0, extent.top / PdfWriter::kHeight),
            std::min(1.0, extent.right / PdfWriter::kWidth), extent.bottom / PdfWriter::kHeight};
  }
};

// A row is a piece a part.
std::vector<Piece> PiecesOf(const demo_world::PageContent& content, const PageLine& line,
                            const Scale& scale) {
  if (line.parts.empty()) return {Piece(line.text, line, scale)};
  std::vector<Piece> out;
  for (size_t i = 0; i < line.parts.size(); ++i) {
    out.emplace_back(Cell(content, line, i), PartOf(content, line, i), scale);
  }
  return out;
}

}  // namespace

std::string TextPage(const demo_world::PageContent& content, const DrawnPage& drawn) {
  const Scale scale(drawn.picture);
  PdfWriter pdf;
  pdf.BeginPage();
  for (const PageLine& line : drawn.lines) {
    for (const Piece& piece : PiecesOf(content, line, scale)) {
      pdf.Text(piece.x, piece.y, piece.size, piece.text);
    }
  }
  return pdf.Finish();
}

Box OnTextPage(const demo_world::PageContent& content, const PageLine& line,
               const DrawnPage& drawn) {
  const std::vector<Piece> pieces = PiecesOf(content, line, Scale(drawn.picture));
  const Box end = pieces.back().Place();
  if (content.kind == demo_world::PageKind::kBarChart) return end;
  return Around(pieces.front().Place(), end);
}

std::vector<PlacedText> TextsOnPage(const demo_world::PageContent& content,
                                    const DrawnPage& drawn) {
  const Scale scale(drawn.picture);
  std::vector<PlacedText> out;
  for (const PageLine& line : drawn.lines) {
    std::string row = "|";
    std::optional<Box> whole;
    const std::vector<Piece> pieces = PiecesOf(content, line, scale);
    for (const Piece& piece : pieces) {
      out.push_back({piece.text, piece.Place()});
      absl::StrAppend(&row, " ", piece.text, " |");
      whole = whole.has_value() ? Around(*whole, piece.Place()) : piece.Place();
    }
    if (pieces.size() > 1) out.push_back({row, *whole});
  }
  return out;
}

}  // namespace sightline::cli
