#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sightline/v1/model.pb.h"

// Tools in OpenAI's form of a chat. Errors: kInvalidArgument that names the field, "invalid_field",
// "missing_field", "conflict", "unsupported_parameter". Pure functions; any thread.
namespace sightline::gateway {

// `tools`, `tool_choice` and `parallel_tool_calls` of the body.
absl::Status ReadTools(const boost::json::object& body, v1::GenerateRequest& out);

// The `tool_calls` of an assistant's message at `at`, where it has some. Their ids join `ids`.
absl::Status ReadToolCalls(const std::string& at, const boost::json::object& fields,
                           std::vector<std::string>& ids, v1::ChatMessage& message);

// The `tool_call_id` of a tool's message at `at`, which must be one of `ids`.
absl::Status CheckToolCallId(const std::string& at, const boost::json::object& fields,
                             const std::vector<std::string>& ids);

// {"id","type","function":{"name","arguments"}}; with an index as in a stream's deltas.
std::string ToolCallJson(const v1::ToolCall& call);
std::string ToolCallDelta(const v1::ToolCall& call, int index);

}  // namespace sightline::gateway
