#include "services/query/choice_filter.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"

namespace sightline::query {
namespace {

// What a client names the call by when it sends its result.
std::string NewCallId() {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  absl::BitGen random;
  std::string id = "call_";
  for (int i = 0; i < 24; ++i)
    id += kLetters[absl::Uniform<size_t>(random, 0, sizeof(kLetters) - 1)];
  return id;
}

}  // namespace

ChoiceFilter::ChoiceFilter(int choice, const ContentRules* rules, const ToolUse& tools)
    : choice_(choice), rules_(rules), tools_(tools), calls_filter_(tools.tools) {
  if (rules == nullptr) return;
  text_filter_.emplace(*rules);
  reasoning_filter_.emplace(*rules);
}

absl::StatusOr<std::vector<v1::GenerateDelta>> ChoiceFilter::Push(const model::TextPiece& piece) {
  Deltas out;
  if (!blocked_by_.empty()) return out;
  if (piece.reasoning) {
    SL_RETURN_IF_ERROR(AddReasoning(piece.text, out));
    return out;
  }
  tokens_.Push(piece);
  if (tools_.required) {
    absl::StrAppend(&only_call_, piece.text);
  } else if (tools_.tools.empty()) {
    SL_RETURN_IF_ERROR(AddText(piece.text, out));
  } else {
    ToolCallFilter::Piece taken = calls_filter_.Push(piece.text);
    SL_RETURN_IF_ERROR(AddText(taken.text, out));
    SL_RETURN_IF_ERROR(AddCalls(std::move(taken.calls), out));
  }
  AddTokens(/*whole=*/false, out);
  return out;
}

absl::StatusOr<std::vector<v1::GenerateDelta>> ChoiceFilter::Finish() {
  Deltas out;
  if (!blocked_by_.empty()) return out;
  ToolCallFilter::Piece taken = calls_filter_.Finish();
  if (tools_.required) {
    if (auto call = ParseCall(only_call_, tools_.tools)) {
      taken.calls.push_back(*std::move(call));
    } else {
      taken.text = only_call_;
    }
  }
  if (reasoning_filter_.has_value()) {
    SL_RETURN_IF_ERROR(Give(reasoning_filter_, reasoning_filter_->Finish(), true, out));
  }
  SL_RETURN_IF_ERROR(AddText(taken.text, out));
  if (text_filter_.has_value() && blocked_by_.empty()) {
    SL_RETURN_IF_ERROR(Give(text_filter_, text_filter_->Finish(), false, out));
  }
  SL_RETURN_IF_ERROR(AddCalls(std::move(taken.calls), out));
  AddTokens(/*whole=*/true, out);
  return out;
}

void ChoiceFilter::Apply(v1::GenerateChoice& choice) const {
  if (rules_ == nullptr && tools_.tools.empty()) return;
  const bool changed =
      rules_ != nullptr && (text_filter_->changed() || reasoning_filter_->changed() ||
                            masked_call_ || !blocked_by_.empty());
  choice.set_text(ToValidUtf8(text_));
  choice.set_reasoning(ToValidUtf8(reasoning_));
  for (const v1::ToolCall& call : calls_) *choice.add_tool_calls() = call;
  if (!blocked_by_.empty()) {
    choice.set_finish_reason("content_filter");
  } else if (!calls_.empty()) {
    choice.set_finish_reason("tool_calls");
  }
  if (!changed) return;
  choice.clear_token_ids();
  choice.clear_logprobs();
}

// With the last text among `out`.
void ChoiceFilter::AddTokens(bool whole, Deltas& out) {
  const std::vector<v1::TokenLogprobs> tokens = tokens_.Take(whole);
  if (tokens.empty()) return;
  const auto text = std::find_if(out.rbegin(), out.rend(), [](const v1::GenerateDelta& delta) {
    return !delta.text().empty();
  });
  v1::GenerateDelta& delta = text == out.rend() ? NewDelta(out) : *text;
  delta.mutable_logprobs()->Add(tokens.begin(), tokens.end());
}

absl::Status ChoiceFilter::AddText(absl::string_view text, Deltas& out) {
  if (!blocked_by_.empty()) return absl::OkStatus();
  if (text_filter_.has_value()) return Give(text_filter_, text_filter_->Push(text), false, out);
  return Give(text_filter_, std::string(text), false, out);
}

absl::Status ChoiceFilter::AddReasoning(absl::string_view text, Deltas& out) {
  if (reasoning_filter_.has_value()) {
    return Give(reasoning_filter_, reasoning_filter_->Push(text), true, out);
  }
  return Give(reasoning_filter_, std::string(text), true, out);
}

absl::Status ChoiceFilter::AddCalls(std::vector<model::ToolCall> calls, Deltas& out) {
  for (model::ToolCall& call : calls) {
    if (!blocked_by_.empty()) return absl::OkStatus();
    if (rules_ != nullptr) {
      SL_ASSIGN_OR_RETURN(FilteredText filtered, FilterText(*rules_, call.arguments));
      blocked_by_ = filtered.blocked_by;
      if (!blocked_by_.empty()) return absl::OkStatus();
      masked_call_ = masked_call_ || filtered.text != call.arguments;
      call.arguments = std::move(filtered.text);
    }
    v1::ToolCall& given = calls_.emplace_back();
    given.set_id(NewCallId());
    given.set_name(call.name);
    given.set_arguments(call.arguments);
    *NewDelta(out).mutable_tool_call() = given;
  }
  return absl::OkStatus();
}

absl::Status ChoiceFilter::Give(std::optional<TextFilter>& filter, absl::StatusOr<std::string> text,
                                bool reasoning, Deltas& out) {
  if (!text.ok()) return text.status();
  if (filter.has_value() && !filter->blocked_by().empty()) blocked_by_ = filter->blocked_by();
  if (text->empty()) return absl::OkStatus();
  (reasoning ? reasoning_ : text_) += *text;
  if (!reasoning) tokens_.Leave(*text);
  v1::GenerateDelta& delta = NewDelta(out);
  (reasoning ? delta.mutable_reasoning() : delta.mutable_text())->assign(*text);
  return absl::OkStatus();
}

v1::GenerateDelta& ChoiceFilter::NewDelta(Deltas& out) const {
  v1::GenerateDelta& delta = out.emplace_back();
  delta.set_choice(choice_);
  return delta;
}

}  // namespace sightline::query
