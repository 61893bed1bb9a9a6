#include "cli/eval_asker.h"

#include <utility>

#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/eval_request.h"

namespace sightline::cli {
namespace {

using demo_world::Task;

class Stopwatch {
 public:
  double Milliseconds() const { return absl::ToDoubleMilliseconds(absl::Now() - start_); }

 private:
  const absl::Time start_ = absl::Now();
};

absl::StatusOr<EvalScore::Found> Find(const EvalSession& session, const EvalQuestion& question,
                                      Latencies& latencies) {
  Gains gains;
  for (const std::string& document : question.gold.documents) gains[document] = 1;
  v1::SearchRequest request = FindRequest(session.collection(), question);
  const Stopwatch watch;
  SL_ASSIGN_OR_RETURN(const v1::SearchResponse reply, session.Search(request));
  latencies.Add("search", watch.Milliseconds());
  EvalScore::Found found = {.by_encoder = ScoreRanking(DocumentsOf(reply.hits()), gains),
                            .reranked = std::nullopt};
  if (!session.model().has_reranker()) return found;
  Rerank(request);
  const Stopwatch rerank_watch;
  SL_ASSIGN_OR_RETURN(const v1::SearchResponse reranked, session.Search(request));
  latencies.Add("search_reranked", rerank_watch.Milliseconds());
  found.reranked = ScoreRanking(DocumentsOf(reranked.hits()), gains);
  return found;
}

absl::StatusOr<EvalScore::Answered> Answer(const EvalSession& session, const EvalQuestion& question,
                                           Latencies& latencies) {
  const v1::SearchAndAnswerRequest request =
      AnswerRequest(session.collection(), session.model().has_reranker(), question);
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
                                     Latencies& latencies) {
  const Stopwatch watch;
  SL_ASSIGN_OR_RETURN(std::string text, session.Generate(PictureRequest(question)));
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
      SL_ASSIGN_OR_RETURN(const std::string reply, Generate(session, question, latencies));
      score.fields = CompareFields(question.gold.json, reply);
      return std::optional(score);
    }
    case Task::kBox: {
      if (!writes) return std::optional<EvalScore>();
      SL_ASSIGN_OR_RETURN(const std::string reply, Generate(session, question, latencies));
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
