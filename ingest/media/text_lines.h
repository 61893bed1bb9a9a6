#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace sightline::media {

// How the words of a page become running text. All text is well-formed UTF-8, none has a line end.

// Adds `line` as the next line of a paragraph: with a space, without one between scripts that write
// none, and with a word that the line end had split made whole. Returns where in `text` it begins.
size_t AppendLine(std::string& text, absl::string_view line);

// False between two characters of scripts that write no spaces between words.
bool NeedsSpace(absl::string_view before, absl::string_view after);

}  // namespace sightline::media
