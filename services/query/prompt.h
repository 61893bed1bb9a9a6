#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/content.h"
#include "services/query/hits.h"

namespace sightline::query {

struct PromptOptions {
  int max_passages = 8;
  int max_pictures = 8;     // of passages; the question's own come on top
  int token_budget = 4096;  // of the passages, words and pictures together
  // Set: the instructions ask for JSON of this schema in place of sentences with markers. Shown
  // where it has at most kMaxShownSchema bytes; the generator is held to it in any case.
  std::string json_schema = {};
};

inline constexpr size_t kMaxShownSchema = 8 << 10;

struct Prompt {
  std::vector<model::Message> messages;
  int passages = 0;  // hits[0..passages) are in it, numbered from 1
};

// The fixed reply when the passages hold no answer, in the language of the question (Chinese or
// English).
std::string AbstentionFor(absl::string_view question);

// True when `answer` is that reply in any language, whatever white space or markers stand around
// it.
bool IsAbstention(absl::string_view answer);

// `text` of a document made harmless for a prompt: bracketed numbers, which could pass for markers
// or for the head of another passage, become "(n)".
std::string WithoutMarkerForms(absl::string_view text);

// Instructions, then the passages numbered in the order of the hits, then the question: the same
// hits give the same beginning, so that its cache can be shared. A picture passage shows its
// picture where the budget allows; the first passage is cut to the budget when it alone exceeds it,
// later ones end the list. Retrieved text stays data: it stands between its number and the next,
// and control tokens in it are plain text to the generator. Errors: those of `generator`, `limits`.
absl::StatusOr<Prompt> BuildPrompt(const QueryContent& question, std::span<const Hit> hits,
                                   const PromptOptions& options, const model::Generator& generator,
                                   const PassagePicture& picture, const edge::CallLimits& limits);

}  // namespace sightline::query
