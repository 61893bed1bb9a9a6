#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "services/query/sentences.h"

namespace sightline::query {

// The words of `text` after the Unicode rules (ICU), in order: letters, numbers, and of Chinese and
// Japanese what ICU's dictionary takes for words. White space and punctuation lie between. `text`
// is valid UTF-8. Pure; any thread.
std::vector<Span> SplitWords(absl::string_view text);

}  // namespace sightline::query
