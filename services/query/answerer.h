#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/conversation.h"
#include "services/query/drafts.h"
#include "services/query/entailment.h"
#include "services/query/extractive.h"
#include "services/query/field_citations.h"
#include "services/query/grounded_writer.h"
#include "services/query/meaning.h"
#include "services/query/prompt.h"
#include "services/query/reading.h"
#include "services/query/retriever.h"

namespace sightline::query {

// kAuto: generative where a trained generator is loaded whose bundle does not say that answers are
// quoted, else extractive.
enum class AnswerMode { kAuto, kGenerative, kExtractive };

struct AnswerOptions {
  PromptOptions prompt;
  ExtractiveOptions extractive;
  int max_tokens = 512;       // of an answer whose request names none
  int history_tokens = 2048;  // of what was said before, in the prompt
  // The fixed reply is given where the generator gives it at least this share (above 0, at most 1)
  // of all that it might write; absent: as its sightline.json says.
  std::optional<double> abstain_above = {};
  // A written answer is drafted from all passages of the prompt; what the draft cites is read out
  // where it is a picture without words, and what is about something else left out of another
  // draft; then it is written from those alone that the draft cites. Absent: as the generator's
  // sightline.json says. Not with reasoning or a schema.
  std::optional<bool> reread = {};
};

struct AnswerRequest {
  QueryContent question;
  // What was said before it: a generator sees it.
  Conversation history = {};
  // Set: the question with what it leans on, which quoted sentences are chosen by.
  std::optional<QueryContent> stand_alone = {};
  AnswerMode mode = AnswerMode::kAuto;
  VerdictPolicy policy = VerdictPolicy::kFlag;
  model::SamplingParams sampling;
  int max_tokens = 0;  // 0 = AnswerOptions::max_tokens
  std::vector<std::string> stop;
  bool reasoning = false;   // observe, analyse and conclude first
  bool regions = false;     // citations of pictures say where in them
  std::string json_schema;  // not empty: the answer is JSON of it, and `stop` is empty
};

struct Answer {
  std::string text;
  bool abstained = false;
  std::vector<Citation> citations;
  std::vector<SentenceVerdict> sentences;  // those that state something, in order
  // Of a JSON answer, in place of citations and sentences.
  FieldSupport fields;
  // What was thought before, where asked for: no part of the text, not cited and not checked. It
  // holds no number of a foreign passage in brackets either.
  std::string reasoning;
  AnswerMode mode = AnswerMode::kExtractive;  // the one used
  std::string finish_reason;                  // "stop", "length", "abstained", "content_filter"
  int prompt_tokens = 0;
  int image_tokens = 0;
  int completion_tokens = 0;
  std::vector<std::string> warnings;
  double draft_ms = 0;  // of generate_ms; 0 where the first draft is the answer
  double generate_ms = 0;
  double first_token_ms = 0;  // 0 when nothing was generated
};

// Writes a grounded answer from retrieved passages. Any thread.
class Answerer {
 public:
  // All outlive the answerer; `generator`, `entailment`, `meaning`, which quotes are chosen by, and
  // `read`, which drafts and what is written from them are held against, may be null.
  Answerer(const AnswerOptions& options, model::Generator* generator, PassagePicture picture,
           EntailmentScorer entailment = nullptr, MeaningScorer meaning = nullptr,
           PictureWords read = nullptr);

  // Reasoning, text and citations go to `sink` as they come, in order, on the calling thread; the
  // returned answer holds them once more, and its text is what the sink got. Without hits, or when
  // nothing answers, the text is the fixed abstention, which is no JSON. With a JSON schema the
  // text is JSON of it, whatever the weights; it leaves as it comes, then its fields' citations.
  // kFailedPrecondition "no_generator": generative or JSON asked for and none loaded;
  // kInvalidArgument: a schema with an extractive answer, with stop texts, or with a policy other
  // than kFlag (a value cannot be left out of a schema), or one that is not understood; kCancelled
  // when the sink returned false; errors of Generator::Generate.
  absl::StatusOr<Answer> Write(const AnswerRequest& request, const Retrieved& retrieved,
                               const edge::CallLimits& limits, const AnswerSink& sink) const;

  // The mode that Write uses for `request`.
  AnswerMode ModeOf(const AnswerRequest& request) const;

  // True when writing again from the same passages gives the same answer.
  bool Repeats(const AnswerRequest& request) const;

 private:
  absl::StatusOr<Answer> WriteExtractive(const AnswerRequest& request, const Retrieved& retrieved,
                                         const edge::CallLimits& limits,
                                         const AnswerSink& sink) const;
  absl::StatusOr<Answer> WriteGenerative(const AnswerRequest& request, const Retrieved& retrieved,
                                         const edge::CallLimits& limits,
                                         const AnswerSink& sink) const;
  absl::StatusOr<Answer> WriteJson(const AnswerRequest& request, const Retrieved& retrieved,
                                   const edge::CallLimits& limits, const AnswerSink& sink) const;
  // BuildPrompt with what was said before behind the instructions.
  absl::StatusOr<Prompt> MakePrompt(const AnswerRequest& request, std::span<const Hit> hits,
                                    const PromptOptions& options,
                                    const edge::CallLimits& limits) const;

  // Has a generator that does not think of its own accord think in a text of its own, and adds that
  // to the conversation. Nothing when the request wants none.
  class Reasoning;
  absl::Status ThinkFirst(const AnswerRequest& request, const edge::CallLimits& limits,
                          Prompt& prompt, Reasoning& reasoning, Answer& answer) const;
  struct Draft {
    model::GenerateResult written = {};
    DraftCheck check = {};
    bool in_words = false;  // pictures that another draft misread were shown as their words
    bool stands = false;    // it is the answer; else that is written from `prompt`
    Prompt prompt = {};
    std::vector<int> numbers = {};  // passage n of `prompt` is passage numbers[n - 1] of the answer
  };
  // `prompt` shows `hits` from the first. Adds the usage of what is not the answer.
  absl::StatusOr<Draft> WriteDraft(const AnswerRequest& request, std::span<const Hit> hits,
                                   const edge::CallLimits& limits, const Prompt& prompt,
                                   const model::GenerateInput& input, Answer& answer) const;
  // Writes and checks a draft of its prompt.
  absl::Status FillDraft(std::span<const Hit> hits, const edge::CallLimits& limits,
                         model::GenerateInput input, Draft& draft) const;
  // Makes the draft's prompt one of its numbers alone, with the words of what was misread in place
  // of the pictures.
  absl::Status ShowOnly(const AnswerRequest& request, std::span<const Hit> hits,
                        std::span<const DraftCheck::Misread> misread,
                        const edge::CallLimits& limits, Draft& draft) const;
  // Writes sentences of `prompt`'s answer anew; `numbers` as in Draft. All outlive it.
  SentenceRewriter Rewriter(const Prompt& prompt, const model::GenerateInput& input,
                            const std::vector<int>& numbers, const edge::CallLimits& limits,
                            Answer& answer) const;
  // For one answer, whose usage it adds to; null when the request wants no regions.
  RegionFinder Regions(const AnswerRequest& request, const edge::CallLimits& limits,
                       Answer& answer) const;

  const AnswerOptions options_;
  model::Generator* const generator_;
  const PassagePicture picture_;
  const EntailmentScorer entailment_;
  const MeaningScorer meaning_;
  const PictureWords read_;
};

}  // namespace sightline::query
