#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/image.h"

namespace sightline {

// Where one line of a source begins in a text made of it, and where it stands on its page or
// picture. It goes on to the next one's begin; what is before the first has no known place. The
// lines of a text are in order, no two begin at the same byte, and each begins within the text.
struct TextLine {
  uint32_t begin = 0;      // byte of the text
  std::optional<Box> box;  // none: not known
};

// True when `lines` can be those of a text of `bytes`.
bool AreLinesOf(std::span<const TextLine> lines, size_t bytes);

// Adds a line that begins at `begin`, where the text ends so far. One that begins there already has
// come to nothing and goes; one in the same place goes on, as parts of a line do.
void AddLine(size_t begin, const std::optional<Box>& box, std::vector<TextLine>& lines);

// Adds the lines of a text that stands at `at` of the whole, where the whole ended so far.
void AppendLines(std::span<const TextLine> more, size_t at, std::vector<TextLine>& lines);

// The lines of the part [begin, end) of a text.
std::vector<TextLine> LinesWithin(std::span<const TextLine> lines, size_t begin, size_t end);

// The smallest box around the lines that bytes [begin, end) touch; nothing where none of them has
// one.
std::optional<Box> BoxAround(std::span<const TextLine> lines, size_t begin, size_t end);

}  // namespace sightline
