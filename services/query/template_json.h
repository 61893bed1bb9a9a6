#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::query {

// Deepest nesting of a JSON text that is read.
inline constexpr int kMaxJsonDepth = 64;

// `json` as chat templates write JSON (Python's json.dumps without ASCII escapes): members in their
// order, ", " and ": " between them, numbers as Python prints them. kInvalidArgument: no JSON, or
// nested deeper than kMaxJsonDepth. Pure; any thread.
absl::StatusOr<std::string> TemplateJson(absl::string_view json);

}  // namespace sightline::query
