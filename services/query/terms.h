#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// Comparing wordings without a network. Ill-formed UTF-8 is read as U+FFFD. Pure functions; any
// thread.
namespace sightline::query {

// Compatibility forms, case and white space made equal: "Ｆoo\n BAR" and "foo bar" are one text.
std::string NormalisedText(absl::string_view text);

// The terms of a text in order: words in lower case with English endings cut ("invoices" ->
// "invoic"), numbers without thousands separators, and for Han and Kana the pairs of neighbouring
// characters (one alone is a term of its own). Punctuation is left out.
std::vector<std::string> Terms(absl::string_view text);

// The distinct terms of a question that carry meaning: Terms without function words ("what", "的").
std::vector<std::string> ContentTerms(absl::string_view text);

// A character of Han or Kana.
bool IsCjk(int32_t code_point);

// True when more of the letters are Han or Kana than any other.
bool IsMostlyCjk(absl::string_view text);

}  // namespace sightline::query
