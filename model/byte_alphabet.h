#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace sightline::model {

// The bytes a byte-level BPE file means by `token`, whose characters are printable stand-ins:
// 33-126, 161-172 and 174-255 for themselves, U+0100, U+0101, … for the other 68 bytes in order.
// Empty when a character is none of these.
std::optional<std::string> BytesOfPrintable(absl::string_view token);

}  // namespace sightline::model
