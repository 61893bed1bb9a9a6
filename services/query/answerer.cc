#include "services/query/answerer.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/query/conversation_prompt.h"
#include "services/query/drafts.h"
#include "services/query/generation.h"
#include "services/query/regions.h"

namespace sightline::query {
namespace {

absl::Status Stopped() { return absl::CancelledError("the reader of the answer is gone"); }

// Makes `answer` the fixed reply; what it held before must not have left.
absl::StatusOr<Answer> Abstain(absl::string_view question, Answer answer, const AnswerSink& sink) {
  answer.text = AbstentionFor(question);
  answer.abstained = true;
  answer.finish_reason = "abstained";
  answer.citations.clear();
  answer.sentences.clear();
  if (!sink.on_text(answer.text)) return Stopped();
  return answer;
}

void AddUsage(const model::GenerateResult& result, Answer& answer) {
  answer.prompt_tokens += result.prompt_tokens;
  answer.image_tokens += result.image_tokens;
  answer.completion_tokens += result.completion_tokens();
}

absl::Status NoGenerator(absl::string_view field, absl::string_view instead) {
  return edge::WithReason(edge::WithField(absl::FailedPreconditionError(absl::StrCat(
                                              field, ": this server has no generator; ", instead)),
                                          std::string(field)),
                          "no_generator");
}

// What does not go with a schema.
absl::Status CheckJsonRequest(const AnswerRequest& request) {
  if (request.mode == AnswerMode::kExtractive) {
    return edge::InvalidField("json_schema", "an extractive answer is no JSON", "conflict");
  }
  if (request.policy != VerdictPolicy::kFlag) {
    return edge::InvalidField("verdict_policy",
                              "with a json_schema only FLAG: a schema says which fields there are",
                              "conflict");
  }
  if (!request.stop.empty() || !request.sampling.stop_token_ids.empty()) {
    return edge::InvalidField("sampling.stop", "a json_schema says where the answer ends",
                              "conflict");
  }
  return absl::OkStatus();
}

constexpr int kMostRegions = 8;        // of one answer
constexpr int kReasoningTokens = 256;  // of a generator that does not think of its own accord

constexpr char kReasoningRequest[] =
    "\n\nDo not answer yet. Write down, in three short paragraphs: Observe: what the passages and "
    "pictures show that bears on the question, with their dates. Analyse: what that means, and "
    "where "
    "they agree or differ. Conclude: what follows.";
constexpr char kAnswerRequest[] = "Now give the answer alone, in the form you were told at first.";

constexpr int kRewriteTokens = 128;  // of one sentence

// The conversation that asks for `sentence` anew. `before` is what the answer says up to it.
std::vector<model::Message> RewriteMessages(std::vector<model::Message> messages,
                                            absl::string_view before, absl::string_view sentence) {
  messages.push_back(
      {.role = "assistant", .parts = {absl::StrCat(before, before.empty() ? "" : " ", sentence)}});
  messages.push_back(
      {.role = "user",
       .parts = {absl::StrCat("The passages you cite do not support this sentence:\n", sentence,
                              "\nWrite that one sentence again, from the passages alone, ending "
                              "with the numbers of its passages. Nothing else.")}});
  return messages;
}

Answer NewGenerated(const model::ModelInfo& generator) {
  Answer answer;
  answer.mode = AnswerMode::kGenerative;
  if (generator.untrained) {
    answer.warnings.push_back("the generator's weights are untrained: its text carries no meaning");
  }
  return answer;
}

constexpr int kMostDrafts = 3;  // of one answer

// A generator's text with the numbers that its passages have in the answer.
std::string InAnswer(absl::string_view text, const std::vector<int>& numbers) {
  MarkerFilter filter(numbers);
  std::string out = filter.Push(text);
  out += filter.Finish();
  return out;
}

// A part of an answer as the generator knows it, that passage n of its prompt is numbers[n - 1] of
// the answer, or n where `numbers` is empty.
std::string InPrompt(absl::string_view text, std::span<const int> numbers) {
  if (numbers.empty()) return std::string(text);
  std::vector<int> shown(*std::max_element(numbers.begin(), numbers.end()), 0);
  for (size_t i = 0; i < numbers.size(); ++i) shown[numbers[i] - 1] = static_cast<int>(i) + 1;
  return InAnswer(text, shown);
}

// Gives what was written already.
absl::StatusOr<model::GenerateResult> Repeat(model::GenerateResult written,
                                             const model::OnText& on_text) {
  const std::string& text = written.first().text;
  if (!text.empty() && !on_text({.text = text})) return Stopped();
  return written;
}

void ShowPrompt(const Prompt& prompt, model::GenerateInput& input) {
  input.messages = prompt.messages;
  std::get<model::MarkedTextFormat>(input.format).markers = prompt.passages;
}

void TakeText(const GroundedWriter& writer, Answer& answer) {
  answer.text = writer.text();
  answer.citations = writer.citations();
  answer.sentences = writer.sentences();
  if (writer.rewritten() > 0) {
    answer.warnings.push_back(absl::StrCat("sentences written again: ", writer.rewritten()));
  }
  if (writer.dropped() > 0) {
    answer.warnings.push_back(absl::StrCat(
        "sentences left out because their passages do not support them: ", writer.dropped()));
  }
}

}  // namespace

// Takes reasoning as it is written to the sink and to the answer.
class Answerer::Reasoning {
 public:
  Reasoning(bool wanted, int passages, const AnswerSink& sink, Answer& answer)
      : wanted_(wanted), filter_(passages), sink_(sink), answer_(answer) {}

  bool Write(absl::string_view text) { return !wanted_ || Give(filter_.Push(text)); }
  // Once the answer begins.
  bool Finish() {
    if (!wanted_ || finished_) return true;
    finished_ = true;
    return Give(filter_.Finish());
  }

 private:
  bool Give(const std::string& text) {
    answer_.reasoning += text;
    return text.empty() || sink_.on_reasoning == nullptr || sink_.on_reasoning(text);
  }

  const bool wanted_;
  MarkerFilter filter_;
  const AnswerSink& sink_;
  Answer& answer_;
  bool finished_ = false;
};

absl::Status Answerer::ThinkFirst(const AnswerRequest& request, const edge::CallLimits& limits,
                                  Prompt& prompt, Reasoning& reasoning, Answer& answer) const {
  if (!request.reasoning || generator_->thinks()) return absl::OkStatus();
  prompt.messages.back().parts.push_back(std::string(kReasoningRequest));
  const model::GenerateInput input = {.messages = prompt.messages,
                                      .sampling = request.sampling,
                                      .max_tokens = kReasoningTokens,
                                      .n = 1,
                                      .stop = {},
                                      .format = model::MarkedTextFormat{prompt.passages},
                                      .constraint = nullptr};
  auto result = Generate(*generator_, input, limits, [&](const model::TextPiece& piece) {
    return reasoning.Write(piece.text);
  });
  if (!result.ok()) return Annotate(result.status(), "reasoning");
  if (!reasoning.Finish()) return Stopped();
  AddUsage(*result, answer);
  prompt.messages.push_back({.role = "assistant", .parts = {answer.reasoning}});
  prompt.messages.push_back({.role = "user", .parts = {std::string(kAnswerRequest)}});
  return absl::OkStatus();
}

Answerer::Answerer(const AnswerOptions& options, model::Generator* generator,
                   PassagePicture picture, EntailmentScorer entailment, MeaningScorer meaning,
                   PictureWords read)
    : options_(options),
      generator_(generator),
      picture_(std::move(picture)),
      entailment_(std::move(entailment)),
      meaning_(std::move(meaning)),
      read_(std::move(read)) {}

absl::StatusOr<Prompt> Answerer::MakePrompt(const AnswerRequest& request, std::span<const Hit> hits,
                                            const PromptOptions& options,
                                            const edge::CallLimits& limits) const {
  SL_ASSIGN_OR_RETURN(Prompt prompt,
                      BuildPrompt(request.question, hits, options, *generator_, picture_, limits));
  // A short context is for the passages first.
  const int tokens = std::min(options_.history_tokens, generator_->info().context / 4);
  SL_ASSIGN_OR_RETURN(
      std::vector<model::Message> said,
      ShownTurns(request.history, tokens, options.max_pictures, *generator_, limits));
  prompt.messages.insert(prompt.messages.begin() + 1, std::make_move_iterator(said.begin()),
                         std::make_move_iterator(said.end()));
  return prompt;
}

absl::StatusOr<Answer> Answerer::Write(const AnswerRequest& request, const Retrieved& retrieved,
                                       const edge::CallLimits& limits,
                                       const AnswerSink& sink) const {
  if (!request.json_schema.empty()) {
    SL_RETURN_IF_ERROR(CheckJsonRequest(request));
    if (generator_ == nullptr) return NoGenerator("json_schema", "ask without a schema");
    return WriteJson(request, retrieved, limits, sink);
  }
  if (request.mode == AnswerMode::kGenerative && generator_ == nullptr) {
    return NoGenerator("mode", "ask for an extractive answer");
  }
  if (ModeOf(request) == AnswerMode::kGenerative) {
    return WriteGenerative(request, retrieved, limits, sink);
  }
  auto answer = WriteExtractive(request, retrieved, limits, sink);
  if (answer.ok() && generator_ != nullptr && generator_->info().untrained &&
      request.mode == AnswerMode::kAuto) {
    answer->warnings.push_back("the generator's weights are untrained: the answer is extractive");
  }
  if (answer.ok() && request.reasoning) {
    answer->warnings.push_back("an extractive answer comes without reasoning");
  }
  return answer;
}

AnswerMode Answerer::ModeOf(const AnswerRequest& request) const {
  const bool writes =
      generator_ != nullptr && !generator_->info().untrained && !generator_->info().quotes;
  const bool generative = request.mode == AnswerMode::kGenerative || !request.json_schema.empty() ||
                          (request.mode == AnswerMode::kAuto && writes);
  return generative ? AnswerMode::kGenerative : AnswerMode::kExtractive;
}

bool Answerer::Repeats(const AnswerRequest& request) const {
  return ModeOf(request) == AnswerMode::kExtractive ||
         (generator_ != nullptr && generator_->Repeats(request.sampling));
}

absl::StatusOr<Answer> Answerer::WriteExtractive(const AnswerRequest& request,
                                                 const Retrieved& retrieved,
                                                 const edge::CallLimits& limits,
                                                 const AnswerSink& sink) const {
  ExtractiveOptions options = options_.extractive;
  options.dense_untrained = retrieved.dense_untrained;
  const QueryContent& question =
      request.stand_alone.has_value() ? *request.stand_alone : request.question;
  QuoteMeaning meaning;
  if (meaning_ != nullptr && !retrieved.dense_untrained) {
    meaning = [&](const QueryContent& asked, std::span<const std::string> texts) {
      auto cosines = meaning_(asked, texts, limits);
      // What is too long for the encoder stays so.
      const bool may_pass = !cosines.ok() && !absl::IsInvalidArgument(cosines.status());
      if (may_pass) edge::NoteMakeshift(limits);
      return cosines.ok() ? *std::move(cosines) : std::vector<float>();
    };
  }
  ExtractiveAnswer extract = Extract(question, retrieved.hits, options, meaning);
  Answer answer;
  answer.mode = AnswerMode::kExtractive;
  if (extract.text.empty()) {
    return Abstain(request.question.JoinedText(), std::move(answer), sink);
  }
  answer.text = std::move(extract.text);
  answer.finish_reason = "stop";
  answer.citations = std::move(extract.citations);
  for (const Citation& citation : answer.citations) {
    answer.sentences.push_back({citation.start, citation.end, {citation.marker}, citation.verdict});
  }
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
  Answer answer = NewGenerated(generator_->info());
  if (retrieved.hits.empty()) return Abstain(question, std::move(answer), sink);

  SL_ASSIGN_OR_RETURN(Prompt prompt, MakePrompt(request, retrieved.hits, options_.prompt, limits));
  Reasoning reasoning(request.reasoning, prompt.passages, sink, answer);
  SL_RETURN_IF_ERROR(ThinkFirst(request, limits, prompt, reasoning, answer));
  model::GenerateInput input = {
      .messages = prompt.messages,
      .sampling = request.sampling,
      .max_tokens = request.max_tokens > 0 ? request.max_tokens : options_.max_tokens,
      .n = 1,
      .stop = request.stop,
      // No weights, prompt or passage make it write a number of no passage; the writer's filter
      // brings what markers there are into one form, and stands behind a generator without formats.
      .format = model::MarkedTextFormat{.markers = prompt.passages,
                                        .reply = AbstentionFor(question),
                                        .reply_above = options_.abstain_above.value_or(
                                            generator_->info().abstain_above)},
      .constraint = nullptr};
  GroundingOptions grounding;
  std::optional<Draft> draft;
  // Reasoning was written about the passages of the first prompt.
  if (!request.reasoning && options_.reread.value_or(generator_->info().rereads)) {
    SL_ASSIGN_OR_RETURN(draft, WriteDraft(request, retrieved.hits, limits, prompt, input, answer));
    prompt = draft->prompt;
    ShowPrompt(prompt, input);
    grounding.numbers = draft->numbers;
  }
  const std::vector<int> numbers = grounding.numbers;
  grounding.policy = request.policy;
  grounding.judge = [&](const std::string& claim, std::span<const index::Passage* const> cited) {
    return JudgeByReading(claim, cited, entailment_, draft.has_value() ? read_ : nullptr, limits);
  };
  grounding.rewrite = Rewriter(prompt, input, numbers, limits, answer);
  grounding.locate = Regions(request, limits, answer);
  GroundedWriter writer(retrieved.hits, prompt.passages, std::move(grounding), sink);
  const auto on_text = [&](const model::TextPiece& piece) {
    // What a model thinks first is no part of the answer and cites nothing.
    if (piece.reasoning) return reasoning.Write(piece.text);
    if (!reasoning.Finish()) return false;
    if (answer.first_token_ms == 0) {
      answer.first_token_ms = absl::ToDoubleMilliseconds(absl::Now() - start);
    }
    return writer.Write(piece.text);
  };
  auto result = draft.has_value() && draft->stands ? Repeat(std::move(draft->written), on_text)
                                                   : Generate(*generator_, input, limits, on_text);
  if (!writer.status().ok()) return writer.status();
  if (!result.ok()) return Annotate(result.status(), "writing the answer");
  if (!reasoning.Finish()) return Stopped();
  if (!writer.Finish()) return writer.status().ok() ? Stopped() : writer.status();

  TakeText(writer, answer);
  answer.finish_reason =
      result->first().finish_reason == model::FinishReason::kLength ? "length" : "stop";
  AddUsage(*result, answer);
  answer.generate_ms = absl::ToDoubleMilliseconds(absl::Now() - start);
  if (IsAbstention(answer.text)) {
    answer.abstained = true;
    answer.finish_reason = "abstained";
    answer.citations.clear();
    answer.sentences.clear();
    return answer;
  }
  if (answer.text.empty()) return Abstain(question, std::move(answer), sink);
  if (writer.uncited() > 0) {
    answer.warnings.push_back(absl::StrCat("sentences without a citation: ", writer.uncited()));
  }
  return answer;
}

absl::StatusOr<Answerer::Draft> Answerer::WriteDraft(
    const AnswerRequest& request, std::span<const Hit> hits, const edge::CallLimits& limits,
    const Prompt& prompt, const model::GenerateInput& input, Answer& answer) const {
  const absl::Time start = absl::Now();
  Draft draft = {.prompt = prompt};
  draft.numbers.resize(prompt.passages);
  std::iota(draft.numbers.begin(), draft.numbers.end(), 1);
  SL_RETURN_IF_ERROR(FillDraft(hits, limits, input, draft));
  DraftCheck found = draft.check;
  std::vector<int> shown = draft.numbers;
  std::vector<DraftCheck::Misread> misread;
  for (int tries = 1; tries < kMostDrafts && found.HasFaults(); ++tries) {
    Draft next;
    if (found.foreign.empty()) {
      next.numbers = found.cited;
      next.in_words = true;
      misread.insert(misread.end(), found.misread.begin(), found.misread.end());
    } else {
      std::ranges::set_difference(shown, found.foreign, std::back_inserter(next.numbers));
      misread.clear();
    }
    if (next.numbers.empty()) break;
    SL_RETURN_IF_ERROR(ShowOnly(request, hits, misread, limits, next));
    SL_RETURN_IF_ERROR(FillDraft(hits, limits, input, next));
    found = next.check;
    shown = next.numbers;
    if (found.Standing() > draft.check.Standing()) std::swap(draft, next);
    AddUsage(next.written, answer);
    answer.draft_ms = absl::ToDoubleMilliseconds(absl::Now() - start);
  }
  // What is written in words holds; other drafts only chose.
  draft.stands = draft.in_words || draft.check.cited.empty() ||
                 draft.check.cited.size() == draft.numbers.size();
  if (!draft.stands) {
    AddUsage(draft.written, answer);
    draft.numbers = draft.check.cited;
    SL_RETURN_IF_ERROR(ShowOnly(request, hits, {}, limits, draft));
    answer.draft_ms = absl::ToDoubleMilliseconds(absl::Now() - start);
  }
  return draft;
}

absl::Status Answerer::FillDraft(std::span<const Hit> hits, const edge::CallLimits& limits,
                                 model::GenerateInput input, Draft& draft) const {
  ShowPrompt(draft.prompt, input);
  auto written = Generate(*generator_, input, limits, [](const model::TextPiece&) { return true; });
  if (!written.ok()) return Annotate(written.status(), "drafting the answer");
  draft.written = *std::move(written);
  draft.check =
      CheckDraft(InAnswer(draft.written.first().text, draft.numbers), hits, read_, limits);
  // What was cut off says too little to be held against anything.
  if (draft.in_words && draft.written.first().finish_reason == model::FinishReason::kLength) {
    draft.check = {};
  }
  return edge::StillWanted(limits, "drafting the answer");
}

absl::Status Answerer::ShowOnly(const AnswerRequest& request, std::span<const Hit> hits,
                                std::span<const DraftCheck::Misread> misread,
                                const edge::CallLimits& limits, Draft& draft) const {
  std::vector<Hit> chosen;
  for (const int number : draft.numbers) chosen.push_back(hits[number - 1]);
  for (const DraftCheck::Misread& picture : misread) {
    const auto at = std::ranges::find(draft.numbers, picture.number);
    if (at == draft.numbers.end()) continue;
    index::Passage& passage = chosen[at - draft.numbers.begin()].passage;
    passage.kind = index::PassageKind::kText;
    passage.text = picture.words;
  }
  SL_ASSIGN_OR_RETURN(draft.prompt, MakePrompt(request, chosen, options_.prompt, limits));
  draft.numbers.resize(draft.prompt.passages);
  return absl::OkStatus();
}

SentenceRewriter Answerer::Rewriter(const Prompt& prompt, const model::GenerateInput& input,
                                    const std::vector<int>& numbers, const edge::CallLimits& limits,
                                    Answer& answer) const {
  // The first text goes on being written meanwhile: its pieces wait.
  return [&, this](absl::string_view before, absl::string_view sentence,
                   int attempt) -> absl::StatusOr<std::string> {
    model::GenerateInput again = input;
    again.messages =
        RewriteMessages(prompt.messages, InPrompt(before, numbers), InPrompt(sentence, numbers));
    again.max_tokens = std::min(input.max_tokens, kRewriteTokens);
    if (again.sampling.seed.has_value()) *again.sampling.seed += attempt + 1;
    std::string text;
    auto result = Generate(*generator_, again, limits, [&](const model::TextPiece& piece) {
      if (!piece.reasoning) text.append(piece.text.data(), piece.text.size());
      return true;
    });
    if (!result.ok()) return Annotate(result.status(), "writing a sentence again");
    AddUsage(*result, answer);
    return text;
  };
}

RegionFinder Answerer::Regions(const AnswerRequest& request, const edge::CallLimits& limits,
                               Answer& answer) const {
  if (!request.regions) return nullptr;
  return
      [this, &limits, &answer, left = kMostRegions](
          const std::string& claim, const index::Passage& passage) mutable -> std::optional<Box> {
        if (!HasUnplacedPicture(passage) || left == 0) return std::nullopt;
        --left;
        auto found = FindRegion(*generator_, picture_, claim, passage, limits);
        if (!found.ok()) {
          edge::NoteMakeshift(limits);
          return std::nullopt;
        }
        answer.prompt_tokens += found->prompt_tokens;
        answer.image_tokens += found->image_tokens;
        answer.completion_tokens += found->completion_tokens;
        if (found->places.empty()) return std::nullopt;
        return found->places.front().box;
      };
}

absl::StatusOr<Answer> Answerer::WriteJson(const AnswerRequest& request, const Retrieved& retrieved,
                                           const edge::CallLimits& limits,
                                           const AnswerSink& sink) const {
  const absl::Time start = absl::Now();
  Answer answer = NewGenerated(generator_->info());
  if (retrieved.hits.empty()) {
    return Abstain(request.question.JoinedText(), std::move(answer), sink);
  }
  PromptOptions options = options_.prompt;
  options.json_schema = request.json_schema;
  SL_ASSIGN_OR_RETURN(Prompt prompt, MakePrompt(request, retrieved.hits, options, limits));
  Reasoning reasoning(request.reasoning, prompt.passages, sink, answer);
  SL_RETURN_IF_ERROR(ThinkFirst(request, limits, prompt, reasoning, answer));
  const model::GenerateInput input = {
      .messages = std::move(prompt.messages),
      .sampling = request.sampling,
      .max_tokens = request.max_tokens > 0 ? request.max_tokens : options_.max_tokens,
      .n = 1,
      .stop = {},
      .format = model::JsonSchemaFormat{request.json_schema},
      .constraint = nullptr};
  const auto on_text = [&](const model::TextPiece& piece) {
    if (piece.reasoning) return reasoning.Write(piece.text);
    if (!reasoning.Finish()) return false;
    if (answer.first_token_ms == 0) {
      answer.first_token_ms = absl::ToDoubleMilliseconds(absl::Now() - start);
    }
    answer.text.append(piece.text.data(), piece.text.size());
    return sink.on_text(piece.text);
  };
  auto result = Generate(*generator_, input, limits, on_text);
  if (!result.ok()) return Annotate(result.status(), "writing the answer");
  if (!reasoning.Finish()) return Stopped();
  AddUsage(*result, answer);
  answer.finish_reason =
      result->first().finish_reason == model::FinishReason::kLength ? "length" : "stop";
  answer.generate_ms = absl::ToDoubleMilliseconds(absl::Now() - start);
  answer.fields = CiteFields(answer.text, retrieved.hits, prompt.passages, entailment_,
                             Regions(request, limits, answer), limits);
  if (!answer.fields.unsupported.empty()) {
    answer.warnings.push_back(
        absl::StrCat("fields that no passage supports: ", answer.fields.unsupported.size()));
  }
  for (const FieldCitation& field : answer.fields.citations) {
    if (sink.on_field != nullptr && !sink.on_field(field)) return Stopped();
  }
  return answer;
}

}  // namespace sightline::query
