#pragma once

#include <string>

#include "cli/eval_questions.h"
#include "sightline/v1/model.pb.h"
#include "sightline/v1/query.pb.h"

namespace sightline::cli {

// The encoder's hits that the reranker orders anew.
inline constexpr int kReranked = 20;

// Questions of the demo world as requests, in the way their task is used. Words are the likeliest
// ones.

// What is to be found is searched by meaning alone, for kReranked passages; in the middle of a
// conversation, which goes with it, as people search: by meaning and by words.
v1::SearchRequest FindRequest(const std::string& collection, const EvalQuestion& question);

// Has the passages of a FindRequest ordered anew: the same ones, not as many as the server would
// take.
void Rerank(v1::SearchRequest& request);

// How answers are asked for.
struct AnswerWay {
  bool quoted = false;    // not generated
  bool reranked = false;  // their passages
};

// What is to be answered goes the way of a request that says nothing else: hybrid search, eight
// passages, but a generated answer.
v1::SearchAndAnswerRequest AnswerRequest(const std::string& collection,
                                         const EvalQuestion& question, const AnswerWay& way = {});

// kExtraction, kBox: the picture at hand goes to the generator, with the schema where the task has
// one.
v1::GenerateRequest PictureRequest(const EvalQuestion& question);

// kBox, as the call that finds things in a picture takes it.
v1::LocateRequest WhereRequest(const EvalQuestion& question);

}  // namespace sightline::cli
