#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sightline::cli {

// What the program writes to, found out once in main.
struct Terminal {
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool in_is_terminal = false;
  bool color = false;  // standard output may carry colours
  int columns = 100;   // of standard output
};

// `no_color` is whether the variable NO_COLOR is set to something.
Terminal DetectTerminal(bool no_color);

enum class Style { kPlain, kBold, kDim, kRed, kGreen, kYellow, kBlue };
// `text` in that style where colours are allowed.
std::string Styled(const Terminal& terminal, Style style, absl::string_view text);

// Text that came from outside, safe to print: control characters, other than the line end and the
// tab, and marks that turn the writing direction become visible escapes such as \x1b; ill-formed
// UTF-8 becomes U+FFFD.
std::string Printable(absl::string_view text);

// The same on one line: every run of blanks and line ends is one blank, none at the ends.
std::string OneLine(absl::string_view text);

// Columns that `text` takes on a terminal: two for a wide (Chinese, Japanese, Korean, emoji)
// character, none for a combining mark.
int DisplayWidth(absl::string_view text);

// `text`, cut to `columns` with an ellipsis where it is longer.
std::string Ellipsis(absl::string_view text, int columns);

// "1.5 MiB", "12 B".
std::string ByteCount(int64_t bytes);
// "850 ms", "12.3 s", "4:05", "1:02:03".
std::string ShortDuration(absl::Duration duration);
// "1 page", "3 pages".
std::string Counted(int64_t count, absl::string_view singular);

// Rows of cells, padded so that columns align.
class Table {
 public:
  enum Align { kLeft, kRight };
  explicit Table(std::vector<std::string> header, std::vector<Align> align = {});
  void Add(std::vector<std::string> cells);
  // The last column is cut to what the terminal has left, when output goes to one.
  std::string Render(const Terminal& terminal) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first is the header
  std::vector<Align> align_;
};

}  // namespace sightline::cli
