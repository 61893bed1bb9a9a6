#include "cli/eval_asker.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/eval_request.h"
#include "cli/json_text.h"
#include "proto/reply_json.h"

namespace sightline::cli {
namespace {

using demo_world::Task;

class Stopwatch {
 public:
  double Milliseconds() const { return absl::ToDoubleMilliseconds(absl::Now() - start_); }

 private:
  const absl::Time start_ = absl::Now();
};

std::string Ids(const std::vector<std::string>& documents) {
  JsonList list;
  for (const std::string& document : documents) list.Add(JsonString(document));
  return list.Done();
}

std::string History(const std::vector<EvalTurn>& history) {
  JsonList list;
  for (const EvalTurn& turn : history) {
    list.Add(JsonObject()
                 .Text("role", turn.by_assistant ? "assistant" : "user")
                 .Text("text", turn.text)
                 .Number("pictures", static_cast<int64_t>(turn.pictures.size()))
                 .Done());
  }
  return list.Done();
}

absl::StatusOr<EvalScore::Found> Find(const EvalSession& session, const EvalQuestion& question,
                                      Latencies& latencies, JsonObject& record) {
  Gains gains;
  for (const std::string& document : question.gold.documents) gains[document] = 1;
  v1::SearchRequest request = FindRequest(session.collection(), question);
  const Stopwatch watch;
  SL_ASSIGN_OR_RETURN(const v1::SearchResponse reply, session.Search(request));
  latencies.Add("search", watch.Milliseconds(), reply.timings());
  EvalScore::Found found;
  found.by_encoder_documents = RankedDocuments(reply.hits());
  const std::vector<std::string> by_encoder = IdsOf(found.by_encoder_documents);
  record.Raw("found", Ids(by_encoder));
  found.by_encoder = ScoreRanking(by_encoder, gains);
  if (!session.model().has_reranker()) return found;
  Rerank(request);
  const Stopwatch rerank_watch;
  SL_ASSIGN_OR_RETURN(const v1::SearchResponse reranked, session.Search(request));
  latencies.Add("search_reranked", rerank_watch.Milliseconds(), reranked.timings());
  found.reranked_documents = RankedDocuments(reranked.hits());
  const std::vector<std::string> by_reranker = IdsOf(found.reranked_documents);
  record.Raw("reranked", Ids(by_reranker));
  found.reranked = ScoreRanking(by_reranker, gains);
  return found;
}

absl::StatusOr<EvalScore::Answered> Answer(const EvalSession& session, const EvalQuestion& question,
                                           const AnswerWay& way, Latencies& latencies,
                                           JsonObject& record) {
  const v1::SearchAndAnswerRequest request = AnswerRequest(session.collection(), question, way);
  const Stopwatch watch;
  SL_ASSIGN_OR_RETURN(const v1::AnswerResponse reply, session.Answer(request));
  latencies.Add("answer", watch.Milliseconds(), reply.timings());
  EvalScore::Answered answered;
  answered.abstained = reply.abstained();
  answered.exact = !reply.abstained() && PlainAnswer(reply.answer()) == question.gold.answer;
  answered.held = !reply.abstained() && !question.gold.values.empty() &&
                  std::ranges::all_of(question.gold.values, [&](const std::string& value) {
                    return Names(PlainAnswer(reply.answer()), value);
                  });
  answered.citations = CountCitations(reply, question.gold.citations);
  const std::vector<std::string> found = IdsOf(RankedDocuments(reply.hits()));
  answered.found = std::ranges::all_of(question.gold.documents, [&](const std::string& document) {
    return std::ranges::find(found, document) != found.end();
  });
  JsonList led;
  for (const v1::Hit& hit : reply.hits()) {
    if (hit.led_by_size() > 0) led.Add(JsonString(hit.passage().document_id()));
  }
  record.Text("right_answer", question.gold.answer)
      .Text("answer", reply.answer())
      .Bool("abstained", answered.abstained)
      .Bool("exact", answered.exact)
      .Bool("held", answered.held)
      .Raw("found", Ids(found))
      .Raw("found_second", led.Done());
  return answered;
}

absl::StatusOr<std::string> Generate(const EvalSession& session, const EvalQuestion& question,
                                     Latencies& latencies) {
  const Stopwatch watch;
  SL_ASSIGN_OR_RETURN(std::string text, session.Generate(PictureRequest(question)));
  latencies.Add(TaskName(question.task), watch.Milliseconds());
  return text;
}

absl::StatusOr<v1::LocateResponse> Locate(const EvalSession& session, const EvalQuestion& question,
                                          Latencies& latencies) {
  const Stopwatch watch;
  SL_ASSIGN_OR_RETURN(v1::LocateResponse found, session.Locate(WhereRequest(question)));
  latencies.Add("locate", watch.Milliseconds());
  return found;
}

}  // namespace

absl::StatusOr<std::optional<EvalScore>> AskAndScore(const EvalSession& session,
                                                     const EvalQuestion& question,
                                                     const AnswerWay& way, Latencies& latencies) {
  EvalScore score = {.id = question.id,
                     .task = question.task,
                     .language = question.language,
                     .of_page = question.of_page};
  JsonObject record;
  record.Text("task", TaskName(question.task))
      .Text("question", question.text)
      .Number("pictures", static_cast<int64_t>(question.pictures.size()))
      .Raw("history", History(question.history))
      .Raw("right_documents", Ids(question.gold.documents));
  const auto done = [&] {
    score.record = record.Done();
    return std::optional(score);
  };
  const bool writes = session.model().has_generator();
  switch (question.task) {
    case Task::kPhotoToItem:
    case Task::kTextToPhoto:
    case Task::kComposed:
    case Task::kTextToPage:
    case Task::kTextToText:
    case Task::kFollowUp:
    case Task::kPhotoFollowUp:
    case Task::kNewTopic: {
      SL_ASSIGN_OR_RETURN(score.found, Find(session, question, latencies, record));
      return done();
    }
    case Task::kPageAnswer:
    case Task::kTableAnswer:
    case Task::kTextAnswer:
    case Task::kTwoPassages:
    case Task::kComparison:
    case Task::kAbstain: {
      if (!writes && !way.quoted) return std::optional<EvalScore>();
      SL_ASSIGN_OR_RETURN(score.answered, Answer(session, question, way, latencies, record));
      return done();
    }
    case Task::kExtraction: {
      if (!writes) return std::optional<EvalScore>();
      SL_ASSIGN_OR_RETURN(const std::string reply, Generate(session, question, latencies));
      score.fields = CompareFields(question.gold.json, reply);
      record.Text("right_answer", question.gold.json).Text("answer", reply);
      return done();
    }
    case Task::kBox: {
      if (!writes) return std::optional<EvalScore>();
      SL_ASSIGN_OR_RETURN(const std::string reply, Generate(session, question, latencies));
      SL_ASSIGN_OR_RETURN(const v1::LocateResponse located, Locate(session, question, latencies));
      const auto overlap = [&](const std::optional<demo_world::Box>& box) {
        return box.has_value() && question.gold.box.has_value()
                   ? IntersectionOverUnion(*box, *question.gold.box)
                   : 0;
      };
      score.chat_overlap = overlap(ReadBox(reply));
      score.overlap = overlap(BestBox(located));
      record.Text("right_answer", question.gold.json)
          .Text("answer", reply)
          .Real("chat_overlap", *score.chat_overlap)
          .Raw("located", LocateReplyJson(located))
          .Real("overlap", *score.overlap);
      return done();
    }
  }
  return absl::InternalError("a task that is not known");
}

}  // namespace sightline::cli
