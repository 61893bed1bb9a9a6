#include "base/text_line.h"

#include <algorithm>

namespace sightline {

namespace {

bool IsSamePlace(const std::optional<Box>& a, const std::optional<Box>& b) {
  if (!a.has_value() || !b.has_value()) return a.has_value() == b.has_value();
  return a->x0 == b->x0 && a->y0 == b->y0 && a->x1 == b->x1 && a->y1 == b->y1;
}

}  // namespace

bool AreLinesOf(std::span<const TextLine> lines, size_t bytes) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].begin >= bytes || (i > 0 && lines[i].begin <= lines[i - 1].begin)) return false;
    if (lines[i].box.has_value() && !IsBox(*lines[i].box)) return false;
  }
  return true;
}

void AddLine(size_t begin, const std::optional<Box>& box, std::vector<TextLine>& lines) {
  while (!lines.empty() && lines.back().begin >= begin) lines.pop_back();
  if (!lines.empty() && IsSamePlace(lines.back().box, box)) return;
  lines.push_back({static_cast<uint32_t>(begin), box});
}

void AppendLines(std::span<const TextLine> more, size_t at, std::vector<TextLine>& lines) {
  const bool begins_unplaced = more.empty() || more.front().begin > 0;
  if (begins_unplaced && !lines.empty()) AddLine(at, std::nullopt, lines);
  for (const TextLine& line : more) AddLine(at + line.begin, line.box, lines);
}

std::vector<TextLine> LinesWithin(std::span<const TextLine> lines, size_t begin, size_t end) {
  const auto starts_after = [](size_t at, const TextLine& line) { return at < line.begin; };
  auto line = std::upper_bound(lines.begin(), lines.end(), begin, starts_after);
  if (line != lines.begin()) --line;
  std::vector<TextLine> out;
  for (; line != lines.end() && line->begin < end; ++line) {
    AddLine(std::max<size_t>(line->begin, begin) - begin, line->box, out);
  }
  return out;
}

std::optional<Box> BoxAround(std::span<const TextLine> lines, size_t begin, size_t end) {
  std::optional<Box> out;
  if (begin >= end) return out;
  for (const TextLine& line : LinesWithin(lines, begin, end)) {
    if (line.box.has_value()) out = out.has_value() ? Around(*out, *line.box) : line.box;
  }
  return out;
}

}  // namespace sightline
