#include "services/query/answerer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/query/generation.h"

namespace sightline::query {
namespace {

absl::Status Stopped() { return absl::CancelledError("the reader of the answer is gone"); }

// Makes `answer` the fixed reply; what it held before must not have left.
absl::StatusOr<Answer> Abstain(absl::string_view question, Answer answer, const AnswerSink& sink) {
  answer.text = AbstentionFor(question);
  answer.abstained = true;
  answer.finish_reason = "abstained";
  answer.citations.clear();
  if (!sink.on_text(answer.text)) return Stopped();
  return answer;
}

}  // namespace

Answerer::Answerer(const AnswerOptions& options, model::Generator* generator,
                   PassagePicture picture)
    : options_(options), generator_(generator), picture_(std::move(picture)) {}

absl::StatusOr<Answer> Answerer::Write(const AnswerRequest& request, const Retrieved& retrieved,
                                       const edge::CallLimits& limits,
                                       const AnswerSink& sink) const {
  if (request.mode == AnswerMode::kGenerative && generator_ == nullptr) {
    return edge::WithReason(
        edge::WithField(absl::FailedPreconditionError(
                            "mode: this server has no generator; ask for an extractive answer"),
                        "mode"),
        "no_generator");
  }
  const bool trained = generator_ != nullptr && !generator_->info().untrained;
  const bool generative =
      request.mode == AnswerMode::kGenerative || (request.mode == AnswerMode::kAuto && trained);
  if (generative) return WriteGenerative(request, retrieved, limits, sink);
  auto answer = WriteExtractive(request, retrieved, sink);
  if (answer.ok() && generator_ != nullptr && request.mode == AnswerMode::kAuto) {
    answer->warnings.push_back("the generator's weights are untrained: the answer is extractive");
  }
  return answer;
}

absl::StatusOr<Answer> Answerer::WriteExtractive(const AnswerRequest& request,
                                                 const Retrieved& retrieved,
                                                 const AnswerSink& sink) const {
  ExtractiveOptions options = options_.extractive;
  options.dense_untrained = retrieved.dense_untrained;
  ExtractiveAnswer extract = Extract(request.question, retrieved.hits, options);
  Answer answer;
  answer.mode = AnswerMode::kExtractive;
  if (extract.text.empty()) {
    return Abstain(request.question.JoinedText(), std::move(answer), sink);
  }
  answer.text = std::move(extract.text);
  answer.finish_reason = "stop";
  answer.citations = std::move(extract.citations);
  // Each sentence with its marker, then its citation, as a generated answer would come.
  size_t sent = 0;
  for (size_t i = 0; i < answer.citations.size(); ++i) {
    const size_t end =
        i + 1 < answer.citations.size() ? answer.citations[i + 1].start : answer.text.size();
    if (!sink.on_text(absl::string_view(answer.text).substr(sent, end - sent))) return Stopped();
    if (!sink.on_citation(answer.citations[i])) return Stopped();
    sent = end;
  }
  return answer;
}

absl::StatusOr<Answer> Answerer::WriteGenerative(const AnswerRequest& request,
                                                 const Retrieved& retrieved,
                                                 const edge::CallLimits& limits,
                                                 const AnswerSink& sink) const {
  const absl::Time start = absl::Now();
  const std::string question = request.question.JoinedText();
  Answer answer;
  answer.mode = AnswerMode::kGenerative;
  if (generator_->info().untrained) {
    answer.warnings.push_back("the generator's weights are untrained: its text carries no meaning");
  }
  if (retrieved.hits.empty()) return Abstain(question, std::move(answer), sink);

  SL_ASSIGN_OR_RETURN(Prompt prompt, BuildPrompt(request.question, retrieved.hits, options_.prompt,
                                                 *generator_, picture_, limits));
  const model::GenerateInput input = {
      .messages = std::move(prompt.messages),
      .sampling = request.sampling,
      .max_tokens = request.max_tokens > 0 ? request.max_tokens : options_.max_tokens,
      .n = 1,
      .stop = request.stop,
      // No weights, prompt or passage make it write a number of no passage; the writer's filter
      // brings what markers there are into one form, and stands behind a generator without formats.
      .format = model::MarkedTextFormat{prompt.passages},
      .constraint = nullptr};
  GroundedWriter writer(retrieved.hits, prompt.passages, request.policy, sink);
  const auto on_text = [&](const model::TextPiece& piece) {
    // What a model thinks first is no part of the answer and cites nothing.
    if (piece.reasoning) return true;
    if (answer.first_token_ms == 0) {
      answer.first_token_ms = absl::ToDoubleMilliseconds(absl::Now() - start);
    }
    return writer.Write(piece.text);
  };
  auto result = Generate(*generator_, input, limits, on_text);
  if (!result.ok()) return Annotate(result.status(), "writing the answer");
  if (!writer.Finish()) return Stopped();

  answer.text = writer.text();
  answer.citations = writer.citations();
  answer.finish_reason =
      result->first().finish_reason == model::FinishReason::kLength ? "length" : "stop";
  answer.prompt_tokens = result->prompt_tokens;
  answer.image_tokens = result->image_tokens;
  answer.completion_tokens = result->completion_tokens();
  answer.generate_ms = absl::ToDoubleMilliseconds(absl::Now() - start);
  if (writer.dropped() > 0) {
    answer.warnings.push_back(absl::StrCat(
        "sentences left out because their passages do not support them: ", writer.dropped()));
  }
  if (IsAbstention(answer.text)) {
    answer.abstained = true;
    answer.finish_reason = "abstained";
    answer.citations.clear();
    return answer;
  }
  if (answer.text.empty()) return Abstain(question, std::move(answer), sink);
  if (writer.uncited() > 0) {
    answer.warnings.push_back(absl::StrCat("sentences without a citation: ", writer.uncited()));
  }
  return answer;
}

}  // namespace sightline::query
