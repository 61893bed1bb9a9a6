#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// Names in a sentence, told by their capitals. Ill-formed UTF-8 is read as U+FFFD. Pure functions;
// any thread.
namespace sightline::query {

// The words of `text` that are written as names, case folded, in order: capitalised words inside a
// sentence; at its beginning, where anything has a capital, only before another such word ("Orsen
// Forge was founded"); words of another script among Han or Kana ("Gafo 手提包"). Not: titles,
// months, weekdays, and what answers call their sources ("Passage", "Page").
std::vector<std::string> NamesIn(absl::string_view text);

// The first name of `claim` that `passages` do not have: not as a word, not by another ending
// ("German" for "Germany") and not by the initials of neighbouring words ("UN"). Empty when all are
// there, and where letters or capitals tell nothing: Chinese or Japanese passages of a claim in
// another script, and languages that write every noun with a capital (German).
std::string MissingName(absl::string_view claim, absl::string_view passages);

}  // namespace sightline::query
