#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/generator.h"

namespace sightline::query {

inline constexpr int kMaxTools = 128;
inline constexpr size_t kMaxToolBytes = 256 << 10;  // of all declarations

// A function that a model may call.
struct Tool {
  std::string name;
  std::string shown;       // the declaration as the prompt has it
  std::string parameters;  // JSON schema of its arguments
};

// 1 to 64 of A-Z a-z 0-9 _ . -
bool IsToolName(absl::string_view name);

// Reads declarations as OpenAI has them, JSON texts; `field` names them in errors. kInvalidArgument
// with the field and a reason: "too_many_tools", "text_too_long", "bad_tool" (no JSON, no function,
// no IsToolName, parameters that are no object, a name twice).
absl::StatusOr<std::vector<Tool>> ReadTools(
    const google::protobuf::RepeatedPtrField<std::string>& tools, absl::string_view field);

// The JSON schema of one call, {"name", "arguments"}, of any of `tools`, at least one.
std::string CallSchema(std::span<const Tool> tools);

// `text` as a call of one of `tools`: {"name", "arguments": an object}, its arguments as
// TemplateJson writes them. Nothing where it is none.
std::optional<model::ToolCall> ParseCall(absl::string_view text, std::span<const Tool> tools);

// Takes calls, <tool_call>{"name", "arguments"}</tool_call>, out of a text while it is being
// written, with the white space around them. What is no call of one of the tools stays text, tags
// included, and so does one that is not closed. Not thread-safe.
class ToolCallFilter {
 public:
  // `tools` outlive the filter.
  explicit ToolCallFilter(std::span<const Tool> tools) : tools_(tools) {}

  struct Piece {
    std::string text;
    std::vector<model::ToolCall> calls;  // in order; which words stood between them is not told
  };
  Piece Push(absl::string_view text);
  Piece Finish();

 private:
  Piece Advance(bool whole);

  const std::span<const Tool> tools_;
  std::string waiting_;  // what may yet be part of a call, or white space in front of one
  bool called_ = false;  // a call was the last thing: white space behind it goes
};

}  // namespace sightline::query
