#include "model/text_writer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/status.h"

namespace sightline::model {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

bool Contains(const std::vector<int32_t>& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

void ForbidAllBut(int32_t token, std::span<float> logits) {
  for (size_t i = 0; i < logits.size(); ++i) {
    if (static_cast<int32_t>(i) != token) logits[i] = kForbidden;
  }
}

TokenLogprob Named(const ScoredToken& scored, const Tokenizer& tokenizer) {
  return {scored.token, std::string(tokenizer.Bytes(scored.token)), scored.logprob};
}

}  // namespace

ThinkTokens FindThinkTokens(const Tokenizer& tokenizer) {
  const std::optional<int32_t> open = tokenizer.Find("<think>");
  const std::optional<int32_t> close = tokenizer.Find("</think>");
  if (!open || !close || !tokenizer.IsAdded(*open) || !tokenizer.IsAdded(*close)) return {};
  return {*open, *close};
}

// The template puts a newline behind the mark. Content never holds a mark: it is plain text to the
// tokenizer.
bool EndsThinking(std::span<const int32_t> prompt, const ThinkTokens& marks) {
  if (marks.open < 0) return false;
  const std::span<const int32_t> tail = prompt.last(std::min<size_t>(prompt.size(), 2));
  return std::find(tail.begin(), tail.end(), marks.open) != tail.end() &&
         std::find(tail.begin(), tail.end(), marks.close) == tail.end();
}

TextWriter::TextWriter(const Tokenizer& tokenizer, WriterOptions options,
                       std::span<const int32_t> prompt, OnText on_text)
    : tokenizer_(tokenizer),
      options_(std::move(options)),
      on_text_(std::move(on_text)),
      sampler_(options_.sampling, options_.seed, prompt),
      decoder_(tokenizer, /*skip_special=*/true),
      stop_(options_.stop),
      part_(options_.starts_thinking         ? Part::kReasoning
            : options_.constraint != nullptr ? Part::kAnswer
                                             : Part::kStart) {}

absl::StatusOr<std::optional<int32_t>> TextWriter::Next(std::span<float> logits) {
  Restrict(logits);
  SL_ASSIGN_OR_RETURN(const int32_t token, sampler_.Next(logits));
  choice_.token_ids.push_back(token);
  if (options_.sampling.logprobs >= 0) RememberLogprobs();
  bool end = Contains(options_.end_tokens, token) || Contains(options_.stop_tokens, token);
  if (!end) {
    SL_RETURN_IF_ERROR(Write(token));
    end = stop_.stopped() || (options_.constraint != nullptr && part_ == Part::kAnswer &&
                              options_.constraint->Complete(answer()));
  }
  if (!end && left() > 0) return std::optional<int32_t>(token);
  SL_RETURN_IF_ERROR(Flush());
  // What was kept back may complete a stop string.
  end = end || stop_.stopped();
  choice_.finish_reason = end ? FinishReason::kStop : FinishReason::kLength;
  return std::optional<int32_t>();
}

void TextWriter::Restrict(std::span<float> logits) {
  if (options_.constraint == nullptr) return;
  if (part_ == Part::kAnswer) {
    options_.constraint->Apply(answer(), left(), logits);
    return;
  }
  // One for the close mark.
  if (left() <= options_.constraint->MinTokens() + 1) {
    ForbidAllBut(options_.think.close, logits);
    return;
  }
  for (const auto* ids : {&options_.end_tokens, &options_.stop_tokens}) {
    for (const int32_t id : *ids) {
      if (id >= 0 && static_cast<size_t>(id) < logits.size()) logits[id] = kForbidden;
    }
  }
}

void TextWriter::RememberLogprobs() {
  TokenLogprobs place;
  place.chosen = Named(sampler_.chosen(), tokenizer_);
  for (const ScoredToken& scored : sampler_.top()) place.top.push_back(Named(scored, tokenizer_));
  choice_.logprobs.push_back(std::move(place));
}

absl::Status TextWriter::Write(int32_t token) {
  if (part_ == Part::kStart && token == options_.think.open) {
    part_ = Part::kReasoning;
    skip_newlines_ = true;
    return absl::OkStatus();
  }
  if (part_ == Part::kReasoning) {
    if (token != options_.think.close) return GiveReasoning(decoder_.Push(token));
    SL_RETURN_IF_ERROR(GiveReasoning(decoder_.Finish()));
    part_ = Part::kAnswer;
    skip_newlines_ = options_.constraint == nullptr;
    answer_begin_ = choice_.token_ids.size();
    told_ = placed_ = choice_.logprobs.size();
    return absl::OkStatus();
  }
  part_ = Part::kAnswer;
  if (!choice_.logprobs.empty() && !tokenizer_.IsSpecial(token)) {
    unplaced_.push_back(choice_.logprobs.size() - 1);
  }
  return GiveAnswer(decoder_.Push(token));
}

// The tokens that wait make the answer's next `bytes`.
void TextWriter::PlaceTokens(size_t bytes) {
  for (const size_t token : unplaced_) {
    choice_.logprobs[token].begin = answer_bytes_;
    choice_.logprobs[token].end = answer_bytes_ + bytes;
    placed_ = token + 1;
  }
  unplaced_.clear();
  answer_bytes_ += bytes;
}

absl::Status TextWriter::GiveReasoning(std::string text) {
  if (skip_newlines_) text.erase(0, std::min(text.find_first_not_of('\n'), text.size()));
  return Give(text, /*reasoning=*/true);
}

absl::Status TextWriter::GiveAnswer(std::string text) {
  if (text.empty()) return absl::OkStatus();
  if (skip_newlines_) text.erase(0, std::min(text.find_first_not_of('\n'), text.size()));
  PlaceTokens(text.size());
  if (text.empty()) return absl::OkStatus();
  skip_newlines_ = false;
  return Give(stop_.Push(text), /*reasoning=*/false);
}

absl::Status TextWriter::Give(const std::string& text, bool reasoning) {
  if (text.empty()) return absl::OkStatus();
  skip_newlines_ = false;
  (reasoning ? choice_.reasoning : choice_.text) += text;
  TextPiece piece = {text, reasoning, options_.choice};
  if (!reasoning) {
    const size_t first = told_;
    while (told_ < placed_ && choice_.logprobs[told_].begin < choice_.text.size()) ++told_;
    piece.logprobs = std::span(choice_.logprobs).subspan(first, told_ - first);
  }
  if (on_text_ != nullptr && !on_text_(piece)) {
    return absl::CancelledError("ended by the receiver of the text");
  }
  return absl::OkStatus();
}

// What was kept back, at the end of the text.
absl::Status TextWriter::Flush() {
  if (part_ == Part::kReasoning) return GiveReasoning(decoder_.Finish());
  if (stop_.stopped()) return absl::OkStatus();
  SL_RETURN_IF_ERROR(GiveAnswer(decoder_.Finish()));
  return Give(stop_.Finish(), /*reasoning=*/false);
}

}  // namespace sightline::model
