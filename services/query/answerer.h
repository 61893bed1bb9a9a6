#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/extractive.h"
#include "services/query/grounded_writer.h"
#include "services/query/prompt.h"
#include "services/query/retriever.h"

namespace sightline::query {

// kAuto: generative where a trained generator is loaded, else extractive.
enum class AnswerMode { kAuto, kGenerative, kExtractive };

struct AnswerOptions {
  PromptOptions prompt;
  ExtractiveOptions extractive;
  int max_tokens = 512;  // of an answer whose request names none
};

struct AnswerRequest {
  QueryContent question;
  AnswerMode mode = AnswerMode::kAuto;
  VerdictPolicy policy = VerdictPolicy::kFlag;
  model::SamplingParams sampling;
  int max_tokens = 0;  // 0 = AnswerOptions::max_tokens
  std::vector<std::string> stop;
};

struct Answer {
  std::string text;
  bool abstained = false;
  std::vector<Citation> citations;
  AnswerMode mode = AnswerMode::kExtractive;  // the one used
  std::string finish_reason;                  // "stop", "length", "abstained"
  int prompt_tokens = 0;
  int image_tokens = 0;
  int completion_tokens = 0;
  std::vector<std::string> warnings;
  double generate_ms = 0;
  double first_token_ms = 0;  // 0 when nothing was generated
};

// Writes a grounded answer from retrieved passages. Any thread.
class Answerer {
 public:
  // All outlive the answerer; `generator` may be null.
  Answerer(const AnswerOptions& options, model::Generator* generator, PassagePicture picture);

  // Text and citations go to `sink` as they come, in order, on the calling thread; the returned
  // answer holds them once more, and its text is what the sink got. Without hits, or when nothing
  // answers, the text is the fixed abstention. kFailedPrecondition "no_generator": generative asked
  // for and none loaded; kCancelled when the sink returned false; errors of Generator::Generate.
  absl::StatusOr<Answer> Write(const AnswerRequest& request, const Retrieved& retrieved,
                               const edge::CallLimits& limits, const AnswerSink& sink) const;

 private:
  absl::StatusOr<Answer> WriteExtractive(const AnswerRequest& request, const Retrieved& retrieved,
                                         const AnswerSink& sink) const;
  absl::StatusOr<Answer> WriteGenerative(const AnswerRequest& request, const Retrieved& retrieved,
                                         const edge::CallLimits& limits,
                                         const AnswerSink& sink) const;

  const AnswerOptions options_;
  model::Generator* const generator_;
  const PassagePicture picture_;
};

}  // namespace sightline::query
