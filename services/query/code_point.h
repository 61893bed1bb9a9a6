#pragma once

#include <unicode/utf8.h>

#include <cstdint>

#include "absl/strings/string_view.h"

namespace sightline::query {

// The character of `text` at byte `at`, which is moved behind it; U+FFFD where the bytes are none.
inline UChar32 NextCodePoint(absl::string_view text, int32_t& at) {
  UChar32 c = 0;
  const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
  U8_NEXT_OR_FFFD(bytes, at, static_cast<int32_t>(text.size()), c);
  return c;
}

}  // namespace sightline::query
