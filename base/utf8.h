#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace sightline {

// True when `text` is well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool IsValidUtf8(absl::string_view text);

// `text` with every ill-formed part replaced by U+FFFD, after the Unicode standard's "maximal
// subpart" practice; equal to `text` when that is well formed.
std::string ToValidUtf8(absl::string_view text);

// Length of the longest prefix of `text` that ends between characters and is at most `max_bytes`.
size_t Utf8PrefixLength(absl::string_view text, size_t max_bytes);

// Length of the longest prefix that does not end inside a character that more bytes could complete.
// For streaming: keep back the rest.
size_t CompleteUtf8Length(absl::string_view text);

}  // namespace sightline
