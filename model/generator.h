#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "base/image.h"
#include "model/call.h"

namespace sightline::model {

// One part of a message: text, a picture, or a video.
using MessagePart = std::variant<std::string, ImagePtr, VideoFrames>;

// A function that the model asked its caller to run.
struct ToolCall {
  std::string name;
  std::string arguments;  // JSON text
};

struct Message {
  std::string role;  // "system", "user", "assistant" or "tool"
  std::vector<MessagePart> parts;
  std::vector<ToolCall> tool_calls = {};  // of an assistant, behind its parts
};

// Absent fields take the checkpoint's generation_config.json, and without one the value in
// brackets; it is not asked for min_p and frequency_penalty.
struct SamplingParams {
  std::optional<float> temperature;         // >= 0; 0 = greedy [1]
  std::optional<float> top_p;               // (0, 1] [1]
  std::optional<int> top_k;                 // 0 = off [0]
  std::optional<float> min_p;               // [0, 1]; 0 = off [0]
  std::optional<float> repetition_penalty;  // > 0 [1]
  std::optional<float> presence_penalty;    // [0]
  std::optional<float> frequency_penalty;   // times how often a token was generated [0]
  // Added to the logits of these tokens, -100 to 100; each id at most once, at most 1024 of them.
  // A bias makes a token unlikely, it does not forbid it.
  std::vector<std::pair<int32_t, float>> logit_bias;
  std::vector<int32_t> stop_token_ids;  // each ends the text as an end token does; at most 1024
  std::optional<uint64_t> seed;         // absent = drawn anew
  bool ignore_eos = false;
  // Set: the result tells each token's log probability, and that of this many of the likeliest
  // tokens in its place, 0 to 20.
  std::optional<int> logprobs;
};

// Decides which tokens may come next. Of one text; called on the engine's thread, once a step and
// in order. Where a model reasons first, the answer alone is constrained: the reasoning's tokens
// are neither shown to a constraint nor counted for it.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // The least number of tokens a whole text has: fewer than this are never left at the start.
  virtual int64_t MinTokens() const { return 0; }

  // `generated`: the answer's tokens so far. `left`: how many may still come, the next one
  // included, at least 1. Sets the logits of forbidden tokens to -infinity; must leave at least
  // one.
  virtual void Apply(std::span<const int32_t> generated, int64_t left, std::span<float> logits) = 0;

  // True when nothing could follow `generated`: the text then ends without an end token.
  virtual bool Complete(std::span<const int32_t> /*generated*/) { return false; }
};

// What the text must be, as a whole; the reasoning in front of it is free. The text is valid
// whatever the weights and however few tokens there are: see text_format.h for what is understood.
struct JsonSchemaFormat {
  std::string schema;  // JSON text
};
struct RegexFormat {
  std::string pattern;  // matches the whole text
};
// Any text whose numbers in brackets are of 1..markers: behind an open bracket (of any of the forms
// [ 【 ［ 〔 〖) a digit only comes as part of such a number, which a closing bracket follows. A
// text may end anywhere but between the digit and that bracket. Unlike the other two it goes with
// `stop` and `stop_token_ids`.
struct MarkedTextFormat {
  int markers = 0;  // 0 to 1000
  // A fixed text that is written, as the whole of it, where the model gives it at least this share
  // (above 0, at most 1) of all that it might write. Empty: no text has precedence.
  std::string reply = "";
  double reply_above = 1;
};
using TextFormat = std::variant<std::monostate, JsonSchemaFormat, RegexFormat, MarkedTextFormat>;

struct GenerateInput {
  std::vector<Message> messages;
  SamplingParams sampling;
  int max_tokens = 512;           // >= 1; reasoning counts
  int n = 1;                      // texts to write from the one prompt, 1 to 16
  std::vector<std::string> stop;  // the answer ends before the first of these
  TextFormat format;  // not with `constraint`; but for MarkedTextFormat not with `stop` or
                      // `stop_token_ids`
  std::shared_ptr<TokenConstraint> constraint;  // null = none; with n = 1 only
  // Functions the model is told it may call, each the JSON text that it is shown.
  std::vector<std::string> tools = {};
};

enum class FinishReason { kStop, kLength };

struct TokenLogprob {
  int32_t id = 0;
  std::string bytes;  // may be a part of a UTF-8 character; a control token's spelling
  // Natural logarithm of the token's share in the distribution after constraint, penalties and
  // bias, and before temperature, top_k, top_p and min_p. -infinity: forbidden.
  float logprob = 0;
};

// Of one place in a text.
struct TokenLogprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // likeliest first, those forbidden left out
  // Which bytes of the answer it makes; tokens that make a character together have the same.
  // Equal: none, as a token of the reasoning or one that ends the text. `end` may lie behind the
  // answer's, where a stop text cut the token.
  size_t begin = 0, end = 0;
};

struct GenerateChoice {
  std::string text;                // special tokens left out
  std::string reasoning;           // of a model that thinks aloud first
  std::vector<int32_t> token_ids;  // of both, end token included
  FinishReason finish_reason = FinishReason::kStop;
  std::vector<TokenLogprobs> logprobs;  // one for each of token_ids when asked for
};

struct GenerateResult {
  std::vector<GenerateChoice> choices;  // n of them
  int prompt_tokens = 0;
  int image_tokens = 0;  // of prompt_tokens

  const GenerateChoice& first() const { return choices.front(); }
  // Of all choices.
  int completion_tokens() const {
    size_t total = 0;
    for (const GenerateChoice& choice : choices) total += choice.token_ids.size();
    return static_cast<int>(total);
  }
};

// Whole UTF-8 characters, not empty.
struct TextPiece {
  absl::string_view text;
  bool reasoning = false;  // else of the answer
  int choice = 0;          // 0 to n - 1
  // Of the answer's tokens that begin in `text`, when asked for; some among them may make no text.
  std::span<const TokenLogprobs> logprobs = {};
};

// Called with each new piece of text, on a thread of the engine's. Returning false ends the
// generation with kCancelled. Must not block for long: every running request waits.
using OnText = std::function<bool(const TextPiece& piece)>;

// Writes text from messages. Equal inputs with a seed give equal texts; choice i of several draws
// with a seed made from it and i. Methods may be called from any thread.
class Generator {
 public:
  virtual ~Generator() = default;
  virtual const ModelInfo& info() const = 0;

  // kInvalidArgument: bad roles, parameters out of range, a prompt longer than the context, a
  // format that is not understood, or max_tokens below what the shortest text of the format takes;
  // kResourceExhausted, kDeadlineExceeded, kCancelled as in call.h. `on_text` may be null.
  virtual absl::StatusOr<GenerateResult> Generate(const GenerateInput& input,
                                                  const CallOptions& call,
                                                  const OnText& on_text) = 0;

  // kInvalidArgument: a format that Generate does not understand, before there is a prompt. One
  // that cannot tell so early says OK.
  virtual absl::Status CheckFormat(const TextFormat& /*format*/) const { return absl::OkStatus(); }

  // Tokens of `text` alone, for keeping a prompt inside a budget.
  virtual absl::StatusOr<int> CountTokens(absl::string_view text) const = 0;

  // True when it thinks aloud before every answer, unasked: its chat template says so.
  virtual bool thinks() const { return false; }

  // True when equal inputs with this sampling give equal texts: a seed is set, or the likeliest
  // token is always taken.
  virtual bool Repeats(const SamplingParams& sampling) const {
    return sampling.seed.has_value() || sampling.temperature == 0.0f;
  }

  // Tokens one picture of this size takes in a prompt.
  virtual int ImageTokens(int width, int height) const = 0;
};

}  // namespace sightline::model
