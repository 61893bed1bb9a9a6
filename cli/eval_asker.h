#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/eval_answer.h"
#include "cli/eval_fields.h"
#include "cli/eval_files.h"
#include "cli/eval_latency.h"
#include "cli/eval_metrics.h"
#include "cli/eval_questions.h"
#include "cli/eval_request.h"
#include "cli/eval_session.h"

namespace sightline::cli {

// What the reply to one question is worth. Of the parts only that of the question's task is set.
struct EvalScore {
  std::string id = {};  // of the question
  demo_world::Task task = demo_world::Task::kTextAnswer;
  demo_world::Language language = demo_world::Language::kEnglish;
  bool of_page = false;

  struct Found {
    RankingScore by_encoder;
    std::optional<RankingScore> reranked;  // absent without a reranker
    std::vector<RankedDocument> by_encoder_documents = {};
    std::vector<RankedDocument> reranked_documents = {};
  };
  struct Answered {
    bool exact = false;
    bool held = false;  // all values of the right answer stand in it
    bool abstained = false;
    bool found = false;  // every document that the answer rests on is among its passages
    CitationCount citations;
  };
  std::optional<Found> found = {};
  std::optional<Answered> answered = {};  // kAbstain too
  std::optional<FieldCount> fields = {};
  // Of the boxes, intersection over union: of the place that was found, and of the one a chat
  // shows.
  std::optional<double> overlap = {};
  std::optional<double> chat_overlap = {};
  std::string record = {};  // question, right answer and reply as one JSON object
};

// Asks one question of the demo world in the way its task is used, and scores the reply. What is to
// be found is searched by meaning alone; what is to be answered goes the server's whole way: hybrid
// search, eight passages, an answer; pictures at hand go to the generator, and those of boxes to
// Locate, too. Words are the likeliest ones. Nothing when the model lacks the part for it. Any
// thread. Errors: those of the calls.
absl::StatusOr<std::optional<EvalScore>> AskAndScore(const EvalSession& session,
                                                     const EvalQuestion& question,
                                                     const AnswerWay& way, Latencies& latencies);

}  // namespace sightline::cli
