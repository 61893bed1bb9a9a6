#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

// Checks that several calls share. Pure functions; any thread.
namespace sightline::services {

// kInvalidArgument with the field named when `value` is empty.
absl::Status RequireField(const std::string& value, const char* field);

// `asked`, or 100 for 0. kInvalidArgument: not in 0..1000.
absl::StatusOr<int> PageSize(int32_t asked);

// `status` with the thing it is about when that was not found.
absl::Status About(const absl::Status& status, const char* type, const std::string& name);

}  // namespace sightline::services
