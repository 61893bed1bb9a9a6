#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::cli {

// A PDF for the demo's corpus: A4 pages of text with a text layer. Latin text
// is set in Helvetica; any other in the predefined STSong-Light with the map UniGB-UCS2-H, so it
// may hold what that font has. Positions are in points from the top left corner. Not thread-safe.
class PdfWriter {
 public:
  static constexpr double kWidth = 595;
  static constexpr double kHeight = 842;

  // The following go on the page begun last; there must be one.
  void BeginPage();
  void Text(double x, double y, double size, absl::string_view text, bool bold = false);
  // What that text takes by the metrics of its font, from ascent to descent, in the same points.
  // Not of bold text.
  struct Extent {
    double left = 0, top = 0, right = 0, bottom = 0;
  };
  static Extent ExtentOf(double x, double y, double size, absl::string_view text);
  // Lines of at most `columns` columns (two for a Chinese character), broken at blanks or, in
  // Chinese, anywhere. Returns the y below the last line.
  double Paragraph(double x, double y, double size, int columns, absl::string_view text);
  void Line(double x0, double y0, double x1, double y1);

  // The whole file.
  std::string Finish() const;

 private:
  std::vector<std::string> pages_;  // content streams
};

}  // namespace sightline::cli
