#include "model/thinking.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "model/json.h"
#include "nlohmann/json.hpp"

namespace sightline::model {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxFileBytes = uint64_t{16} << 20;

absl::StatusOr<std::optional<std::string>> ReadIfThere(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (absl::IsNotFound(text.status())) return std::optional<std::string>();
  if (!text.ok()) return text.status();
  return std::optional<std::string>(*std::move(text));
}

// Of a file whose "chat_template" is a text, or a list of {"name", "template"} where "default" is
// the one in use.
absl::StatusOr<std::optional<std::string>> TemplateIn(const std::string& path) {
  SL_ASSIGN_OR_RETURN(const std::optional<std::string> text, ReadIfThere(path));
  if (!text) return std::optional<std::string>();
  absl::StatusOr<json> root = ParseJson(*text);
  if (!root.ok()) return Annotate(root.status(), path);
  if (!root->is_object() || !root->contains("chat_template")) return std::optional<std::string>();
  const json& given = (*root)["chat_template"];
  if (given.is_null()) return std::optional<std::string>();
  if (given.is_string()) return std::optional<std::string>(given.get<std::string>());
  if (given.is_array()) {
    for (const json& one : given) {
      if (one.is_object() && one.contains("name") && one["name"] == "default" &&
          one.contains("template") && one["template"].is_string()) {
        return std::optional<std::string>(one["template"].get<std::string>());
      }
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": \"chat_template\" holds no template, expected a text"));
}

}  // namespace

bool TemplateOpensThinking(absl::string_view jinja) {
  const size_t generation = jinja.rfind("add_generation_prompt");
  if (generation == absl::string_view::npos) return false;
  // The last expression may name the variable behind its text: {{ "…" if add_generation_prompt }}.
  const size_t expression = jinja.rfind("{{", generation);
  const size_t closed = jinja.rfind("}}", generation);
  const bool inside = expression != absl::string_view::npos &&
                      (closed == absl::string_view::npos || closed < expression);
  const absl::string_view tail = jinja.substr(inside ? expression : generation);
  return absl::StrContains(tail, "<think>") && !absl::StrContains(tail, "</think>");
}

absl::StatusOr<bool> OpensThinking(const std::string& folder) {
  SL_ASSIGN_OR_RETURN(std::optional<std::string> jinja,
                      ReadIfThere(folder + "/chat_template.jinja"));
  for (const char* name : {"/chat_template.json", "/tokenizer_config.json"}) {
    if (jinja) break;
    SL_ASSIGN_OR_RETURN(jinja, TemplateIn(folder + name));
  }
  return jinja.has_value() && TemplateOpensThinking(*jinja);
}

}  // namespace sightline::model
