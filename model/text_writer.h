#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/generator.h"
#include "model/sampler.h"
#include "model/stop_filter.h"
#include "model/tokenizer.h"

namespace sightline::model {

// The two marks around what a model thinks before it answers; -1: the vocabulary has none.
struct ThinkTokens {
  int32_t open = -1;   // <think>
  int32_t close = -1;  // </think>
};

// The ids of <think> and </think> where both are added tokens.
ThinkTokens FindThinkTokens(const Tokenizer& tokenizer);

// True when `prompt` ends inside an open mark: what is written first is reasoning.
bool EndsThinking(std::span<const int32_t> prompt, const ThinkTokens& marks);

// What one text is written by.
struct WriterOptions {
  std::vector<int32_t> end_tokens;  // empty to go on after them
  std::vector<int32_t> stop_tokens;
  std::vector<std::string> stop;                // none empty
  int64_t max_tokens = 1;                       // >= 1, and room for the constraint's shortest text
  std::shared_ptr<TokenConstraint> constraint;  // null = none
  SamplerOptions sampling;
  uint64_t seed = 0;
  ThinkTokens think;
  bool starts_thinking = false;
  int choice = 0;  // goes into the pieces
};

// Turns each step's logits into the next token of one text, and tokens into reasoning and answer.
// Reasoning goes up to the close mark; the newlines behind that belong to neither, unless a
// constraint says what the answer is. A text that starts with the open mark starts with reasoning.
// Stop strings and the constraint see the answer only; where there is a constraint the reasoning
// may not end the text, and is cut short when the tokens left are just enough for an answer.
//
// One thread at a time.
class TextWriter {
 public:
  // `tokenizer` is borrowed and outlives this; `on_text` may be null. `prompt` is read here only.
  TextWriter(const Tokenizer& tokenizer, WriterOptions options, std::span<const int32_t> prompt,
             OnText on_text);

  // The next token, or nothing when the text is finished. kCancelled: `on_text` said so; errors of
  // the sampler.
  absl::StatusOr<std::optional<int32_t>> Next(std::span<float> logits);

  // The text; once, after Next gave nothing.
  GenerateChoice Take() { return std::move(choice_); }

 private:
  enum class Part { kStart, kReasoning, kAnswer };  // kStart: either may come

  int64_t left() const {
    return options_.max_tokens - static_cast<int64_t>(choice_.token_ids.size());
  }
  std::span<const int32_t> answer() const {
    return std::span<const int32_t>(choice_.token_ids).subspan(answer_begin_);
  }
  void Restrict(std::span<float> logits);
  void RememberLogprobs();
  absl::Status Write(int32_t token);
  void PlaceTokens(size_t bytes);
  absl::Status GiveReasoning(std::string text);
  absl::Status GiveAnswer(std::string text);
  absl::Status Give(const std::string& text, bool reasoning);
  absl::Status Flush();

  const Tokenizer& tokenizer_;
  const WriterOptions options_;
  const OnText on_text_;
  Sampler sampler_;
  StreamDecoder decoder_;
  StopFilter stop_;
  Part part_;
  bool skip_newlines_ = false;  // of the part that has just begun
  size_t answer_begin_ = 0;     // index of the answer's first token
  size_t answer_bytes_ = 0;     // of the answer, what `stop_` holds back included
  // Of choice_.logprobs: those before `told_` have gone, those before `placed_` know their bytes,
  // and those of `unplaced_` wait for the rest of their character.
  size_t told_ = 0;
  size_t placed_ = 0;
  std::vector<size_t> unplaced_;
  GenerateChoice choice_;
};

}  // namespace sightline::model
