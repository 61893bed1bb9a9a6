#include "services/query/tools.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/query/template_json.h"

namespace sightline::query {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kOpen = "<tool_call>";
constexpr absl::string_view kClose = "</tool_call>";
constexpr size_t kMaxNameBytes = 64;

absl::Status BadTool(const std::string& field, absl::string_view expected) {
  return edge::InvalidField(field, absl::StrCat("expected ", expected), "bad_tool");
}

absl::StatusOr<Tool> ReadTool(const std::string& text, const std::string& field) {
  auto shown = TemplateJson(text);
  if (!shown.ok()) return BadTool(field, absl::StrCat("JSON, got ", shown.status().message()));
  const Json declared = Json::parse(text);
  const auto function = declared.is_object() ? declared.find("function") : declared.end();
  if (!declared.is_object() || function == declared.end() || !function->is_object()) {
    return BadTool(field, "an object with a \"function\", an object");
  }
  const auto name = function->find("name");
  if (name == function->end() || !name->is_string() || !IsToolName(name->get<std::string>())) {
    return BadTool(absl::StrCat(field, ".function.name"), "1 to 64 of A-Z a-z 0-9 _ . -");
  }
  Json parameters = Json::object({{"type", "object"}});
  if (const auto given = function->find("parameters");
      given != function->end() && !given->is_null()) {
    if (!given->is_object())
      return BadTool(absl::StrCat(field, ".function.parameters"), "an object");
    if (!given->empty()) parameters = *given;
  }
  return Tool{name->get<std::string>(), *std::move(shown), parameters.dump()};
}

// References lead into a document that now stands at `place` of another.
void MoveReferences(const std::string& place, Json& schema) {
  if (schema.is_object()) {
    for (auto& [name, member] : schema.items()) {
      if (name == "$ref" && member.is_string()) {
        const std::string reference = member.get<std::string>();
        if (absl::StartsWith(reference, "#"))
          member = absl::StrCat("#", place, reference.substr(1));
      } else {
        MoveReferences(place, member);
      }
    }
  } else if (schema.is_array()) {
    for (Json& element : schema) MoveReferences(place, element);
  }
}

// Bytes at the end of `text` that may be the beginning of `mark`.
size_t BegunAtEnd(absl::string_view text, absl::string_view mark) {
  for (size_t size = std::min(text.size(), mark.size() - 1); size > 0; --size) {
    if (absl::EndsWith(text, mark.substr(0, size))) return size;
  }
  return 0;
}

}  // namespace

bool IsToolName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
         });
}

absl::StatusOr<std::vector<Tool>> ReadTools(
    const google::protobuf::RepeatedPtrField<std::string>& tools, absl::string_view field) {
  if (tools.size() > kMaxTools) {
    return edge::InvalidField(
        field, absl::StrCat("at most ", kMaxTools, " tools, got ", tools.size()), "too_many_tools");
  }
  std::vector<Tool> out;
  size_t bytes = 0;
  for (int i = 0; i < tools.size(); ++i) {
    const std::string at = absl::StrCat(field, "[", i, "]");
    bytes += tools[i].size();
    if (bytes > kMaxToolBytes) {
      return edge::InvalidField(at, absl::StrCat("tools hold more than ", kMaxToolBytes, " bytes"),
                                "text_too_long");
    }
    SL_ASSIGN_OR_RETURN(Tool tool, ReadTool(tools[i], at));
    const auto same = [&](const Tool& other) { return other.name == tool.name; };
    if (std::any_of(out.begin(), out.end(), same)) {
      return BadTool(absl::StrCat(at, ".function.name"), "a name that no tool before it has");
    }
    out.push_back(std::move(tool));
  }
  return out;
}

std::string CallSchema(std::span<const Tool> tools) {
  Json calls = Json::array();
  for (const Tool& tool : tools) {
    Json parameters = Json::parse(tool.parameters);
    MoveReferences(absl::StrCat("/anyOf/", calls.size(), "/properties/arguments"), parameters);
    calls.push_back({{"type", "object"},
                     {"properties",
                      {{"name", {{"type", "string"}, {"const", tool.name}}},
                       {"arguments", std::move(parameters)}}},
                     {"required", Json::array({"name", "arguments"})},
                     {"additionalProperties", false}});
  }
  Json schema = Json::object();
  schema["anyOf"] = std::move(calls);
  return schema.dump();
}

std::optional<model::ToolCall> ParseCall(absl::string_view text, std::span<const Tool> tools) {
  if (!TemplateJson(text).ok()) return std::nullopt;
  const Json call = Json::parse(text.begin(), text.end());
  if (!call.is_object()) return std::nullopt;
  const auto name = call.find("name");
  const auto arguments = call.find("arguments");
  if (name == call.end() || !name->is_string() || arguments == call.end() ||
      !arguments->is_object()) {
    return std::nullopt;
  }
  const auto named = [&](const Tool& tool) { return tool.name == name->get<std::string>(); };
  if (std::none_of(tools.begin(), tools.end(), named)) return std::nullopt;
  return model::ToolCall{name->get<std::string>(), *TemplateJson(arguments->dump())};
}

ToolCallFilter::Piece ToolCallFilter::Push(absl::string_view text) {
  waiting_.append(text.data(), text.size());
  return Advance(/*whole=*/false);
}

ToolCallFilter::Piece ToolCallFilter::Finish() { return Advance(/*whole=*/true); }

ToolCallFilter::Piece ToolCallFilter::Advance(bool whole) {
  Piece out;
  const auto leave = [&](size_t bytes) {
    absl::string_view text = absl::string_view(waiting_).substr(0, bytes);
    if (called_) text = absl::StripLeadingAsciiWhitespace(text);
    if (!text.empty()) called_ = false;
    absl::StrAppend(&out.text, text);
    waiting_.erase(0, bytes);
  };
  const auto find = [&](absl::string_view mark, size_t from) {
    return absl::string_view(waiting_).find(mark, from);
  };
  size_t from = 0;  // before it stands no call
  while (true) {
    const size_t open = find(kOpen, from);
    if (open == absl::string_view::npos) break;
    const size_t body = open + kOpen.size();
    const size_t close = find(kClose, body);
    if (close == absl::string_view::npos) {
      if (whole) break;
      leave(absl::StripTrailingAsciiWhitespace(absl::string_view(waiting_).substr(0, open)).size());
      return out;
    }
    const absl::string_view inside = absl::string_view(waiting_).substr(body, close - body);
    if (std::optional<model::ToolCall> call = ParseCall(inside, tools_)) {
      leave(absl::StripTrailingAsciiWhitespace(absl::string_view(waiting_).substr(0, open)).size());
      waiting_.erase(0, find(kClose, 0) + kClose.size());
      out.calls.push_back(*std::move(call));
      called_ = true;
      from = 0;
    } else {
      from = close + kClose.size();
    }
  }
  if (whole) {
    if (called_ && absl::StripAsciiWhitespace(waiting_).empty()) waiting_.clear();
    leave(waiting_.size());
    return out;
  }
  // White space at the end may stand in front of a call.
  const size_t held = BegunAtEnd(absl::string_view(waiting_).substr(from), kOpen);
  const absl::string_view sure = absl::string_view(waiting_).substr(0, waiting_.size() - held);
  leave(std::max(from, absl::StripTrailingAsciiWhitespace(sure).size()));
  return out;
}

}  // namespace sightline::query
