#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace sightline::media {

// A member's name as a path within its archive: valid UTF-8, steps apart by one slash (backslashes
// count as such). Empty when it is absolute, has a drive letter, a step "..", a control character
// or more than 1024 bytes, or is empty.
std::optional<std::string> SafeMemberPath(absl::string_view name);

// One that people do not see: a step begins with a dot, or is what macOS adds.
bool IsHiddenMember(absl::string_view path);

// The name as it may be shown when it is not safe: UTF-8, no control characters, not long.
std::string ShownMemberName(absl::string_view name);

}  // namespace sightline::media
