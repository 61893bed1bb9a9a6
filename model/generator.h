#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "base/image.h"
#include "model/call.h"

namespace sightline::model {

// One part of a message: text, a picture, or a video.
using MessagePart = std::variant<std::string, ImagePtr, VideoFrames>;

struct Message {
  std::string role;  // "system", "user" or "assistant"
  std::vector<MessagePart> parts;
};

// Absent fields take the checkpoint's generation_config.json, and without one the value in
// brackets.
struct SamplingParams {
  std::optional<float> temperature;         // >= 0; 0 = greedy [1]
  std::optional<float> top_p;               // (0, 1] [1]
  std::optional<int> top_k;                 // 0 = off [0]
  std::optional<float> repetition_penalty;  // > 0 [1]
  std::optional<float> presence_penalty;    // [0]
  std::optional<uint64_t> seed;             // absent = drawn anew
  bool ignore_eos = false;
};

// Decides which tokens may come next. Called on the engine's thread once a step, in order.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;
  // `generated`: the tokens so far, prompt excluded. Sets the logits of forbidden tokens to
  // -infinity; must leave at least one.
  virtual void Apply(std::span<const int32_t> generated, std::span<float> logits) = 0;
};

struct GenerateInput {
  std::vector<Message> messages;
  SamplingParams sampling;
  int max_tokens = 512;                         // >= 1
  std::vector<std::string> stop;                // the text ends before the first of these
  std::shared_ptr<TokenConstraint> constraint;  // null = none
};

enum class FinishReason { kStop, kLength };

struct GenerateResult {
  std::string text;  // special tokens left out
  std::vector<int32_t> token_ids;
  FinishReason finish_reason = FinishReason::kStop;
  int prompt_tokens = 0;
  int image_tokens = 0;  // of prompt_tokens
};

// Called with each new piece of text, whole UTF-8 characters, on a thread of the engine's.
// Returning false ends the generation with kCancelled. Must not block for long: every running
// request waits.
using OnText = std::function<bool(absl::string_view text)>;

// Writes text from messages. Methods may be called from any thread.
class Generator {
 public:
  virtual ~Generator() = default;
  virtual const ModelInfo& info() const = 0;

  // kInvalidArgument: bad roles, parameters out of range, or a prompt longer than the context;
  // kResourceExhausted, kDeadlineExceeded, kCancelled as in call.h. `on_text` may be null.
  virtual absl::StatusOr<GenerateResult> Generate(const GenerateInput& input,
                                                  const CallOptions& call,
                                                  const OnText& on_text) = 0;

  // Tokens of `text` alone, for keeping a prompt inside a budget.
  virtual absl::StatusOr<int> CountTokens(absl::string_view text) const = 0;

  // Tokens one picture of this size takes in a prompt.
  virtual int ImageTokens(int width, int height) const = 0;
};

}  // namespace sightline::model
