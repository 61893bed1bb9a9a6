#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace sightline::model {

// Parses the JSON of a model file. kFailedPrecondition: not JSON, not UTF-8, a key twice in one
// object, or nested deeper than `max_depth`; the message says where.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, int max_depth = 32);

}  // namespace sightline::model
