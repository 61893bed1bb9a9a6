#include "cli/eval_asker.h"

#include <utility>

#include "absl/time/clock.h"
#include "base/status.h"

namespace sightline::cli {
namespace {

using demo_world::Task;

constexpr int kPassages = 5;
// Well beyond what a right reply takes, so that a network that never ends does not hold up the
// rest.
constexpr int kAnswerTokens = 192;
constexpr int kJsonTokens = 768;
constexpr int kBoxTokens = 64;

class Stopwatch {
 public:
  double Milliseconds() const { return absl::ToDoubleMilliseconds(absl::Now() - start_); }

 private:
  const absl::Time start_ = absl::Now();
};

template <typename Parts>
void AddParts(const EvalQuestion& question, Parts add) {
  for (const std::string& picture : question.pictures) add()->set_image(picture);
  if (!question.text.empty()) add()->set_text(question.text);
}

v1::SearchRequest MakeSearch(const EvalSession& session, const EvalQuestion& question) {
  v1::SearchRequest request;
  request.set_collection(session.collection());
  AddParts(question, [&] { return request.add_query(); });
  return request;
}

absl::StatusOr<EvalScore::Found> Find(const EvalSession& session, const EvalQuestion& question,
                                      Latencies& latencies) {
  Gains gains;
  for (const std::string& document : question.gold.documents) gains[document] = 1;
  v1::SearchRequest request = MakeSearch(session, question);
  request.set_mode(v1::SEARCH_MODE_DENSE);
  request.set_k(kReranked);
  const Stopwatch watch;
  SL_ASSIGN_OR_RETURN(const v1::SearchResponse reply, session.Search(request));
  latencies.Add("search", watch.Milliseconds());
  EvalScore::Found found = {.by_encoder = ScoreRanking(DocumentsOf(reply.hits()), gains),
                            .reranked = std::nullopt};
  if (!session.model().has_reranker()) return found;
  request.set_rerank(true);
  request.set_candidates(kReranked);  // the same ones, not as many as the server would take
  const Stopwatch rerank_watch;
  SL_ASSIGN_OR_RETURN(const v1::SearchResponse reranked, session.Search(request));
  latencies.Add("search_reranked", rerank_watch.Milliseconds());
  found.reranked = ScoreRanking(DocumentsOf(reranked.hits()), gains);
  return found;
}

absl::StatusOr<EvalScore::Answered> Answer(const EvalSession& session, const EvalQuestion& question,
                                           Latencies& latencies) {
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = MakeSearch(session, question);
  request.mutable_search()->set_k(kPassages);
  request.mutable_search()->set_rerank(session.model().has_reranker());
  request.set_mode(v1::ANSWER_MODE_GENERATIVE);
  request.mutable_sampling()->set_temperature(0);
  request.mutable_sampling()->set_max_tokens(kAnswerTokens);
  const Stopwatch watch;
  SL_ASSIGN_OR_RETURN(const v1::AnswerResponse reply, session.Answer(request));
  latencies.Add("answer", watch.Milliseconds());
  EvalScore::Answered answered;
  answered.abstained = reply.abstained();
  answered.exact = !reply.abstained() && PlainAnswer(reply.answer()) == question.gold.answer;
  answered.citations = CountCitations(reply, question.gold.citations);
  return answered;
}

absl::StatusOr<std::string> Generate(const EvalSession& session, const EvalQuestion& question,
                                     const char* schema, int max_tokens, Latencies& latencies) {
  v1::GenerateRequest request;
  v1::ChatMessage& message = *request.add_messages();
  message.set_role("user");
  AddParts(question, [&] { return message.add_content(); });
  request.set_json_schema(schema);
  request.mutable_sampling()->set_temperature(0);
  request.mutable_sampling()->set_max_tokens(max_tokens);
  const Stopwatch watch;
  SL_ASSIGN_OR_RETURN(std::string text, session.Generate(request));
  latencies.Add(TaskName(question.task), watch.Milliseconds());
  return text;
}

}  // namespace

absl::StatusOr<std::optional<EvalScore>> AskAndScore(const EvalSession& session,
                                                     const EvalQuestion& question,
                                                     Latencies& latencies) {
  EvalScore score = {
      .task = question.task, .language = question.language, .of_page = question.of_page};
  const bool writes = session.model().has_generator();
  switch (question.task) {
    case Task::kPhotoToItem:
    case Task::kTextToPhoto:
    case Task::kComposed:
    case Task::kTextToPage:
    case Task::kTextToText: {
      SL_ASSIGN_OR_RETURN(score.found, Find(session, question, latencies));
      return std::optional(score);
    }
    case Task::kPageAnswer:
    case Task::kTableAnswer:
    case Task::kTextAnswer:
    case Task::kTwoPassages:
    case Task::kComparison:
    case Task::kAbstain: {
      if (!writes) return std::optional<EvalScore>();
      SL_ASSIGN_OR_RETURN(score.answered, Answer(session, question, latencies));
      return std::optional(score);
    }
    case Task::kExtraction: {
      if (!writes) return std::optional<EvalScore>();
      SL_ASSIGN_OR_RETURN(
          const std::string reply,
          Generate(session, question, demo_world::kInvoiceSchema, kJsonTokens, latencies));
      score.fields = CompareFields(question.gold.json, reply);
      return std::optional(score);
    }
    case Task::kBox: {
      if (!writes) return std::optional<EvalScore>();
      SL_ASSIGN_OR_RETURN(const std::string reply,
                          Generate(session, question, "", kBoxTokens, latencies));
      const auto box = ReadBox(reply);
      score.overlap = box.has_value() && question.gold.box.has_value()
                          ? IntersectionOverUnion(*box, *question.gold.box)
                          : 0;
      return std::optional(score);
    }
  }
  return absl::InternalError("a task that is not known");
}

}  // namespace sightline::cli
