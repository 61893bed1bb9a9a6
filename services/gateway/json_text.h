#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::gateway {

// Reads one JSON text from outside, strictly: UTF-8 without a byte order mark, nesting at most 32
// deep, no key twice in an object, no lone surrogate, no number outside a double, nothing after it.
// kInvalidArgument with the byte position of the fault, reason "invalid_json".
absl::StatusOr<boost::json::value> ParseJson(absl::string_view text);

// `text`, which is UTF-8, as a JSON string with its quotes.
std::string JsonString(absl::string_view text);

// "a number", "an array", … for messages.
absl::string_view JsonKindName(const boost::json::value& value);

}  // namespace sightline::gateway
