#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/utf8.h"

namespace sightline::cli {
namespace {

// The character at the start of `text`, which is well-formed; its length goes to `bytes`.
char32_t Decode(absl::string_view text, size_t& bytes) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]) & 0x3Fu; };
  const unsigned char first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return bytes = 1, first;
  if (first < 0xE0) return bytes = 2, (first & 0x1Fu) << 6 | at(1);
  if (first < 0xF0) return bytes = 3, (first & 0x0Fu) << 12 | at(1) << 6 | at(2);
  return bytes = 4, (first & 0x07u) << 18 | at(1) << 12 | at(2) << 6 | at(3);
}

bool TurnsDirection(char32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F;
}

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

struct Range {
  char32_t first;
  char32_t last;
};

// The blocks that terminals draw two columns wide (Unicode's East Asian Width W and F, by block).
constexpr std::array<Range, 12> kWide = {{{0x1100, 0x115F},
                                          {0x2E80, 0x303E},
                                          {0x3041, 0x33FF},
                                          {0x3400, 0x4DBF},
                                          {0x4E00, 0x9FFF},
                                          {0xA000, 0xA4CF},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6F},
                                          {0xFF00, 0xFF60},
                                          {0x1F300, 0x1FAFF},
                                          {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 5> kNoWidth = {
    {{0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}}};

template <size_t N>
bool Holds(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

int Width(char32_t c) { return Holds(kNoWidth, c) ? 0 : Holds(kWide, c) ? 2 : 1; }

std::string Pad(const std::string& text, int columns, Table::Align align) {
  const std::string blanks(std::max(0, columns - DisplayWidth(text)), ' ');
  return align == Table::kRight ? blanks + text : text + blanks;
}

}  // namespace

Terminal DetectTerminal(bool no_color) {
  Terminal terminal;
  terminal.in_is_terminal = ::isatty(STDIN_FILENO) == 1;
  terminal.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  terminal.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  terminal.color = terminal.out_is_terminal && !no_color;
  winsize size = {};
  if (terminal.out_is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
      size.ws_col >= 20) {
    terminal.columns = size.ws_col;
  }
  return terminal;
}

std::string Styled(const Terminal& terminal, Style style, absl::string_view text) {
  if (!terminal.color || style == Style::kPlain) return std::string(text);
  const char* code = "0";
  switch (style) {
    case Style::kPlain: break;
    case Style::kBold: code = "1"; break;
    case Style::kDim: code = "2"; break;
    case Style::kRed: code = "31"; break;
    case Style::kGreen: code = "32"; break;
    case Style::kYellow: code = "33"; break;
    case Style::kBlue: code = "34"; break;
  }
  return absl::StrCat("\x1b[", code, "m", text, "\x1b[0m");
}

std::string Printable(absl::string_view text) {
  const std::string valid = ToValidUtf8(text);
  std::string out;
  for (size_t i = 0; i < valid.size();) {
    size_t bytes = 1;
    const char32_t c = Decode(absl::string_view(valid).substr(i), bytes);
    if (c == '\n' || c == '\t') {
      out += static_cast<char>(c);
    } else if (IsControl(c)) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<uint32_t>(c));
    } else if (TurnsDirection(c)) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<uint32_t>(c));
    } else {
      out.append(valid, i, bytes);
    }
    i += bytes;
  }
  return out;
}

std::string OneLine(absl::string_view text) {
  std::string collapsed;
  for (const char c : text) {
    if (!absl::ascii_isspace(static_cast<unsigned char>(c))) {
      collapsed += c;
    } else if (!collapsed.empty() && collapsed.back() != ' ') {
      collapsed += ' ';
    }
  }
  return Printable(absl::StripAsciiWhitespace(collapsed));
}

int DisplayWidth(absl::string_view text) {
  const std::string valid = ToValidUtf8(text);
  int width = 0;
  for (size_t i = 0; i < valid.size();) {
    size_t bytes = 1;
    width += Width(Decode(absl::string_view(valid).substr(i), bytes));
    i += bytes;
  }
  return width;
}

std::string Ellipsis(absl::string_view text, int columns) {
  if (DisplayWidth(text) <= columns) return std::string(text);
  const std::string valid = ToValidUtf8(text);
  std::string out;
  int width = 0;
  for (size_t i = 0; i < valid.size();) {
    size_t bytes = 1;
    width += Width(Decode(absl::string_view(valid).substr(i), bytes));
    if (width > columns - 1) break;
    out.append(valid, i, bytes);
    i += bytes;
  }
  return out + "…";
}

std::string ByteCount(int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string ShortDuration(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 1) return absl::StrFormat("%.0f ms", seconds * 1000);
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  const int64_t whole = static_cast<int64_t>(seconds);
  if (whole < 3600) return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string Counted(int64_t count, absl::string_view singular) {
  return absl::StrCat(count, " ", singular, count == 1 ? "" : "s");
}

Table::Table(std::vector<std::string> header, std::vector<Align> align) : align_(std::move(align)) {
  align_.resize(header.size(), kLeft);
  rows_.push_back(std::move(header));
}

void Table::Add(std::vector<std::string> cells) {
  cells.resize(align_.size());
  for (std::string& cell : cells) cell = OneLine(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::Render(const Terminal& terminal) const {
  const size_t last = align_.size() - 1;
  std::vector<int> widths(align_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  int used = 0;
  for (size_t i = 0; i < last; ++i) used += widths[i] + 2;
  std::string out;
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < last; ++i) line += Pad(rows_[r][i], widths[i], align_[i]) + "  ";
    const int left = terminal.out_is_terminal ? std::max(20, terminal.columns - used) : INT32_MAX;
    const std::string cell = Ellipsis(rows_[r][last], left);
    line += align_[last] == kRight ? Pad(cell, std::min(widths[last], left), kRight) : cell;
    out += Styled(terminal, r == 0 ? Style::kBold : Style::kPlain, line) + "\n";
  }
  return out;
}

}  // namespace sightline::cli
