#pragma once

#include "absl/strings/string_view.h"

namespace sightline::media {

// The encoding of a short text whose bytes above ASCII all come in pairs that are frequent
// characters of one East Asian encoding: "GB18030", "Big5" or "Shift_JIS"; null otherwise.
// Statistics of letters say nothing of so few, but Latin, Greek or Cyrillic text hardly ever has
// this form.
const char* EastAsianByForm(absl::string_view bytes);

}  // namespace sightline::media
