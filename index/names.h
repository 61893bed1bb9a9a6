#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sightline::index {

inline constexpr size_t kMaxIdBytes = 512;
inline constexpr size_t kMaxSourceBytes = 8192;

// One rule for names, the same on every way in. kInvalidArgument names the fault and never repeats
// bytes that are not printable.

// [A-Za-z0-9][A-Za-z0-9_.-]{0,62}
absl::Status CheckCollectionName(absl::string_view name);

// 1..512 bytes of well-formed UTF-8 without control characters (U+0000..U+001F, U+007F..U+009F).
// Slashes, dots and every other character are ordinary: ids are keys, never paths. `what` is
// "document id", "job id".
absl::Status CheckId(absl::string_view id, absl::string_view what);

// At most 8192 bytes under the rule of CheckId; may be empty.
absl::Status CheckSource(absl::string_view source);

}  // namespace sightline::index
