#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "mcp/json_rpc.h"
#include "sightline/v1/query.pb.h"

namespace sightline::mcp {

// What was said before a question, as REST has it: an array of {"role": "user" or "assistant",
// "content"}, the content a text or an array of {"type": "text", "text"} and {"type": "image_url",
// "image_url": {"url"}}. kInvalidArgument names the place. Pure; any thread.
absl::StatusOr<std::vector<v1::Turn>> ReadHistory(const Json& value);

}  // namespace sightline::mcp
