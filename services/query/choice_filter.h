#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/generator.h"
#include "services/query/content_rules.h"
#include "services/query/leaving_tokens.h"
#include "services/query/text_filter.h"
#include "services/query/tools.h"
#include "sightline/v1/model.pb.h"

namespace sightline::query {

// How a text may call tools.
struct ToolUse {
  std::span<const Tool> tools;  // none: it is text as it stands
  bool required = false;        // the whole text is one call
};

// Stands between a generator and the client, for one of the texts that are written: takes calls out
// of the text, and applies content rules to text, reasoning and arguments. Not thread-safe.
class ChoiceFilter {
 public:
  // `rules`, null for none, and the tools outlive the filter.
  ChoiceFilter(int choice, const ContentRules* rules, const ToolUse& tools);

  // What may leave now, in order. Nothing more comes once a rule blocks. Errors of
  // ContentRules::Next.
  absl::StatusOr<std::vector<v1::GenerateDelta>> Push(const model::TextPiece& piece);
  // The rest, as nothing follows.
  absl::StatusOr<std::vector<v1::GenerateDelta>> Finish();

  const std::string& blocked_by() const { return blocked_by_; }  // a rule's name; empty = none
  // Has `choice`, as it was generated, say what left. Its tokens go where that is something else.
  void Apply(v1::GenerateChoice& choice) const;

 private:
  using Deltas = std::vector<v1::GenerateDelta>;
  void AddTokens(bool whole, Deltas& out);
  absl::Status AddText(absl::string_view text, Deltas& out);
  absl::Status AddReasoning(absl::string_view text, Deltas& out);
  absl::Status AddCalls(std::vector<model::ToolCall> calls, Deltas& out);
  absl::Status Give(std::optional<TextFilter>& filter, absl::StatusOr<std::string> text,
                    bool reasoning, Deltas& out);
  v1::GenerateDelta& NewDelta(Deltas& out) const;

  const int choice_;
  const ContentRules* const rules_;
  const ToolUse tools_;
  ToolCallFilter calls_filter_;
  std::optional<TextFilter> text_filter_;       // where there are rules
  std::optional<TextFilter> reasoning_filter_;  // where there are rules
  LeavingTokens tokens_;
  std::string only_call_;  // of a required one, as far as it came
  std::string text_;       // what left
  std::string reasoning_;
  std::vector<v1::ToolCall> calls_;
  bool masked_call_ = false;
  std::string blocked_by_;
};

}  // namespace sightline::query
