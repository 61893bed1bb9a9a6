#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::model {

// True when a chat template's generation prompt opens a reasoning block: a <think> that is not
// closed stands behind the template's last mention of add_generation_prompt. The template is
// searched, not interpreted.
bool TemplateOpensThinking(absl::string_view jinja);

// The same of a checkpoint folder's template, which stands in chat_template.jinja, else in
// chat_template.json, else in tokenizer_config.json. A folder without one does not.
// kFailedPrecondition: one of the files is not JSON, or what it holds is no template.
absl::StatusOr<bool> OpensThinking(const std::string& folder);

}  // namespace sightline::model
