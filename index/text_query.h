#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::index {

// A text query, read: `"words in a row"` are a phrase, `begin*` stands for the words that begin so.
struct TextQuery {
  std::string words;                       // all but the prefixes, without the phrases' marks
  std::vector<std::string> phrases = {};   // what stands between the marks
  std::vector<std::string> prefixes = {};  // what stands before the star
};

// What is not well-formed is plain text: a mark behind an ASCII letter or digit (5" pipes), one
// without its partner in the same line, marks with nothing between them; a star that does not end a
// word of at least two characters, or is not the only one in it.
TextQuery ParseTextQuery(absl::string_view text);

// Takes the words that say nothing of the subject (base/function_words.h) out of `terms`, which are
// those of `text`: where few documents are in their language they are rare, and would count as much
// as what is asked for. Not those that the text has in capitals ("US"), and none where nothing else
// would be left; `others`: there is something beside `terms`.
void DropFunctionWords(absl::string_view text, bool others, std::vector<std::string>& terms);

// Whether `start` has the two characters that a prefix needs.
bool IsLongPrefix(absl::string_view start);

}  // namespace sightline::index
