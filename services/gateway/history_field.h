#pragma once

#include <boost/json/value.hpp>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sightline/v1/query.pb.h"

namespace sightline::gateway {

// What was said before a question: an array of {"role": "user" or "assistant", "content"}, the
// content a text or an array of parts, as in a chat's messages.
// kInvalidArgument names the field, "invalid_field" or "missing_field", and as ContentPart.
absl::StatusOr<std::vector<v1::Turn>> HistoryField(absl::string_view name,
                                                   const boost::json::value& value);

}  // namespace sightline::gateway
