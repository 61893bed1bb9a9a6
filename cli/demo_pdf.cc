#include "cli/demo_pdf.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/terminal.h"

namespace sightline::cli {
namespace {

constexpr int kFirstPageObject = 7;  // after catalog, pages, and the fonts

// Thousandths of the size, from Adobe's metrics of Helvetica: its characters from the blank on.
constexpr int kLatinWidths[] = {
    278,  278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,  // ' '../
    556,  556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,  // 0..?
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,  // @..O
    667,  778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,  // P.._
    333,  556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,  // `..o
    556,  556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584};      // p..~
constexpr int kLatinAscent = 718, kLatinDescent = 207;
// As Finish says them of the other font.
constexpr int kWideAscent = 880, kWideDescent = 120;
constexpr int kWideWidth = 1000, kHalfWidth = 500;

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The length of the character at the start of well-formed UTF-8.
size_t CharacterBytes(absl::string_view text) {
  const unsigned char first = static_cast<unsigned char>(text[0]);
  const size_t bytes = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return std::min(bytes, text.size());
}

// "(text)" with PDF's own escapes.
std::string LatinString(absl::string_view text) {
  std::string out = "(";
  for (const char c : text) {
    if (c == '(' || c == ')' || c == '\\') out += '\\';
    out += c;
  }
  return out + ")";
}

// "<4E2D6587>": UTF-16, big-endian. The font has the characters of the basic plane only.
std::string WideString(absl::string_view text) {
  std::string out = "<";
  for (size_t i = 0; i < text.size();) {
    const size_t bytes = CharacterBytes(text.substr(i));
    unsigned code = static_cast<unsigned char>(text[i]);
    if (bytes > 1) code &= 0xFFu >> (bytes + 1);
    for (size_t k = 1; k < bytes; ++k) {
      code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    }
    absl::StrAppendFormat(&out, "%04X", bytes > 3 ? 0x3Fu : code);
    i += bytes;
  }
  return out + ">";
}

// Takes a line of at most `columns` columns off the front of `rest`.
std::string TakeLine(absl::string_view& rest, int columns) {
  size_t end = 0;
  size_t blank = 0;
  int used = 0;
  while (end < rest.size()) {
    const size_t bytes = CharacterBytes(rest.substr(end));
    used += DisplayWidth(rest.substr(end, bytes));
    if (used > columns) break;
    // A line may end after a blank or a Chinese character.
    end += bytes;
    if (rest[end - 1] == ' ' || bytes > 1) blank = end;
  }
  if (end < rest.size() && blank > 0) end = blank;
  std::string line(rest.substr(0, end));
  rest.remove_prefix(end);
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

void PdfWriter::BeginPage() { pages_.emplace_back(); }

void PdfWriter::Text(double x, double y, double size, absl::string_view text, bool bold) {
  const bool latin = IsAscii(text);
  absl::StrAppendFormat(&pages_.back(), "BT /%s %g Tf %g %g Td %s Tj ET\n",
                        !latin ? "F3"
                        : bold ? "F2"
                               : "F1",
                        size, x, kHeight - y, latin ? LatinString(text) : WideString(text));
}

PdfWriter::Extent PdfWriter::ExtentOf(double x, double y, double size, absl::string_view text) {
  const bool latin = IsAscii(text);
  int width = 0;
  for (size_t i = 0; i < text.size(); i += CharacterBytes(text.substr(i))) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool printable = c >= ' ' && c <= '~';
    width += !latin ? (printable ? kHalfWidth : kWideWidth) : printable ? kLatinWidths[c - ' '] : 0;
  }
  const double point = size / 1000;
  return {x, y - point * (latin ? kLatinAscent : kWideAscent), x + point * width,
          y + point * (latin ? kLatinDescent : kWideDescent)};
}

double PdfWriter::Paragraph(double x, double y, double size, int columns, absl::string_view text) {
  while (!text.empty()) {
    Text(x, y, size, TakeLine(text, columns));
    y += size * 1.4;
  }
  return y;
}

void PdfWriter::Line(double x0, double y0, double x1, double y1) {
  absl::StrAppendFormat(&pages_.back(), "%g %g m %g %g l S\n", x0, kHeight - y0, x1, kHeight - y1);
}

std::string PdfWriter::Finish() const {
  std::string kids;
  for (size_t i = 0; i < pages_.size(); ++i) {
    absl::StrAppend(&kids, kFirstPageObject + 2 * i, " 0 R ");
  }
  std::vector<std::string> objects = {
      "<< /Type /Catalog /Pages 2 0 R >>",
      absl::StrCat("<< /Type /Pages /Kids [", kids, "] /Count ", pages_.size(), " >>"),
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
      "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H "
      "/DescendantFonts [6 0 R] >>",
      "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo "
      "<< /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /DW 1000 /W [1 95 500] "
      "/FontDescriptor "
      "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] "
      "/ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >>"};
  for (size_t i = 0; i < pages_.size(); ++i) {
    objects.push_back(absl::StrFormat(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %g %g] /Contents %d 0 R /Resources << /Font "
        "<< /F1 3 0 R /F2 4 0 R /F3 5 0 R >> >> >>",
        kWidth, kHeight, kFirstPageObject + 2 * i + 1));
    objects.push_back(
        absl::StrCat("<< /Length ", pages_[i].size(), " >>\nstream\n", pages_[i], "\nendstream"));
  }
  std::string out = "%PDF-1.4\n%\xE2\xE3\xCF\xD3\n";
  std::string table = absl::StrFormat("xref\n0 %d\n0000000000 65535 f \n", objects.size() + 1);
  for (size_t i = 0; i < objects.size(); ++i) {
    absl::StrAppendFormat(&table, "%010d 00000 n \n", out.size());
    absl::StrAppend(&out, i + 1, " 0 obj\n", objects[i], "\nendobj\n");
  }
  const size_t table_start = out.size();
  absl::StrAppend(&out, table, "trailer\n<< /Size ", objects.size() + 1,
                  " /Root 1 0 R >>\nstartxref\n", table_start, "\n%%EOF\n");
  return out;
}

}  // namespace sightline::cli
