#include "services/gateway/chat_tools.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/gateway/json_field.h"
#include "services/gateway/json_text.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

constexpr char kFunction[] = "function";

absl::Status Missing(const std::string& at) {
  return edge::InvalidField(at, "is required", "missing_field");
}

// `value` as an object whose "type" is "function".
absl::StatusOr<const json::object*> FunctionObject(const std::string& at,
                                                   const json::value& value) {
  if (!value.is_object()) return WrongType(at, "an object", value);
  const json::value* type = Member(value.get_object(), "type");
  if (type == nullptr) return Missing(absl::StrCat(at, ".type"));
  SL_ASSIGN_OR_RETURN(const std::string name, StringField(absl::StrCat(at, ".type"), *type));
  if (name != kFunction) {
    return edge::InvalidField(absl::StrCat(at, ".type"), "expected \"function\"",
                              "unsupported_parameter");
  }
  return &value.get_object();
}

// The member `name` of the "function" of `object`, a text.
absl::StatusOr<std::string> FunctionField(const std::string& at, const json::object& object,
                                          const char* name) {
  const std::string field = absl::StrCat(at, ".function");
  const json::value* function = Member(object, kFunction);
  if (function == nullptr) return Missing(field);
  if (!function->is_object()) return WrongType(field, "an object", *function);
  const std::string member = absl::StrCat(field, ".", name);
  const json::value* value = Member(function->get_object(), name);
  if (value == nullptr) return Missing(member);
  return StringField(member, *value);
}

absl::StatusOr<std::string> IdField(const std::string& at, const json::object& fields,
                                    const char* name) {
  const json::value* id = Member(fields, name);
  if (id == nullptr) return Missing(absl::StrCat(at, ".", name));
  return StringField(absl::StrCat(at, ".", name), *id);
}

absl::Status ReadChoice(const json::value& value, v1::GenerateRequest& out) {
  constexpr char kName[] = "tool_choice";
  if (value.is_object()) {
    SL_ASSIGN_OR_RETURN(const json::object* chosen, FunctionObject(kName, value));
    SL_ASSIGN_OR_RETURN(*out.mutable_tool_name(), FunctionField(kName, *chosen, "name"));
    out.set_tool_choice(v1::TOOL_CHOICE_REQUIRED);
  } else {
    SL_ASSIGN_OR_RETURN(const std::string choice, StringField(kName, value));
    if (choice == "required") {
      out.set_tool_choice(v1::TOOL_CHOICE_REQUIRED);
    } else if (choice == "none") {
      // What is not told of is not called.
      out.clear_tools();
    } else if (choice != "auto") {
      return edge::InvalidField(kName, "expected none, auto, required or a function");
    }
  }
  if (out.tool_choice() == v1::TOOL_CHOICE_REQUIRED && out.tools().empty()) {
    return edge::InvalidField(kName, "goes with \"tools\" only", "conflict");
  }
  return absl::OkStatus();
}

std::string CallFields(const v1::ToolCall& call) {
  return absl::StrCat("\"id\":", JsonString(call.id()),
                      ",\"type\":\"function\",\"function\":{\"name\":", JsonString(call.name()),
                      ",\"arguments\":", JsonString(call.arguments()), "}}");
}

}  // namespace

absl::Status ReadTools(const json::object& body, v1::GenerateRequest& out) {
  if (const json::value* tools = Member(body, "tools"); tools != nullptr) {
    if (!tools->is_array()) return WrongType("tools", "an array of objects", *tools);
    for (const json::value& tool : tools->get_array()) {
      const std::string at = absl::StrCat("tools[", out.tools_size(), "]");
      SL_RETURN_IF_ERROR(FunctionObject(at, tool).status());
      out.add_tools(json::serialize(tool));
    }
  }
  if (const json::value* choice = Member(body, "tool_choice"); choice != nullptr) {
    SL_RETURN_IF_ERROR(ReadChoice(*choice, out));
  }
  if (const json::value* value = Member(body, "parallel_tool_calls"); value != nullptr) {
    SL_ASSIGN_OR_RETURN(const bool parallel, BooleanField("parallel_tool_calls", *value));
    if (!parallel && !out.tools().empty() && out.tool_choice() != v1::TOOL_CHOICE_REQUIRED) {
      return edge::InvalidField("parallel_tool_calls",
                                "only a required call is held to be a single one",
                                "unsupported_parameter");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadToolCalls(const std::string& at, const json::object& fields,
                           std::vector<std::string>& ids, v1::ChatMessage& message) {
  const json::value* calls = Member(fields, "tool_calls");
  if (calls == nullptr) return absl::OkStatus();
  const std::string name = absl::StrCat(at, ".tool_calls");
  if (message.role() != "assistant") {
    return edge::InvalidField(name, "stands in an assistant's message");
  }
  if (!calls->is_array()) return WrongType(name, "an array of objects", *calls);
  for (const json::value& entry : calls->get_array()) {
    const std::string field = absl::StrCat(name, "[", message.tool_calls_size(), "]");
    SL_ASSIGN_OR_RETURN(const json::object* call, FunctionObject(field, entry));
    v1::ToolCall& out = *message.add_tool_calls();
    SL_ASSIGN_OR_RETURN(*out.mutable_id(), IdField(field, *call, "id"));
    SL_ASSIGN_OR_RETURN(*out.mutable_name(), FunctionField(field, *call, "name"));
    SL_ASSIGN_OR_RETURN(*out.mutable_arguments(), FunctionField(field, *call, "arguments"));
    ids.push_back(out.id());
  }
  return absl::OkStatus();
}

absl::Status CheckToolCallId(const std::string& at, const json::object& fields,
                             const std::vector<std::string>& ids) {
  SL_ASSIGN_OR_RETURN(const std::string id, IdField(at, fields, "tool_call_id"));
  if (std::find(ids.begin(), ids.end(), id) != ids.end()) return absl::OkStatus();
  return edge::InvalidField(absl::StrCat(at, ".tool_call_id"),
                            "no call before this message has that id");
}

std::string ToolCallJson(const v1::ToolCall& call) { return absl::StrCat("{", CallFields(call)); }

std::string ToolCallDelta(const v1::ToolCall& call, int index) {
  return absl::StrCat("{\"index\":", index, ",", CallFields(call));
}

}  // namespace sightline::gateway
