#include "cli/eval_request.h"

#include "tools/demo_world/questions.h"

namespace sightline::cli {
namespace {

constexpr int kPassages = 8;
// Well beyond what a right reply takes, so that a network that never ends does not hold up the
// rest.
constexpr int kAnswerTokens = 192;
constexpr int kJsonTokens = 768;
constexpr int kBoxTokens = 64;

template <typename Said, typename Parts>
void AddParts(const Said& question, Parts add) {
  for (const std::string& picture : question.pictures) add()->set_image(picture);
  if (!question.text.empty()) add()->set_text(question.text);
}

v1::SearchRequest MakeSearch(const std::string& collection, const EvalQuestion& question) {
  v1::SearchRequest request;
  request.set_collection(collection);
  request.set_no_cache(true);  // what is measured is the work
  AddParts(question, [&] { return request.add_query(); });
  for (const EvalTurn& said : question.history) {
    v1::Turn& turn = *request.add_history();
    turn.set_role(said.by_assistant ? "assistant" : "user");
    AddParts(said, [&] { return turn.add_content(); });
  }
  return request;
}

bool InConversation(demo_world::Task task) {
  return task == demo_world::Task::kFollowUp || task == demo_world::Task::kPhotoFollowUp ||
         task == demo_world::Task::kNewTopic;
}

}  // namespace

v1::SearchRequest FindRequest(const std::string& collection, const EvalQuestion& question) {
  v1::SearchRequest request = MakeSearch(collection, question);
  request.set_mode(InConversation(question.task) ? v1::SEARCH_MODE_HYBRID : v1::SEARCH_MODE_DENSE);
  request.set_k(kReranked);
  return request;
}

void Rerank(v1::SearchRequest& request) {
  request.set_rerank(true);
  request.set_candidates(kReranked);
}

v1::SearchAndAnswerRequest AnswerRequest(const std::string& collection,
                                         const EvalQuestion& question, const AnswerWay& way) {
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = MakeSearch(collection, question);
  request.mutable_search()->set_k(kPassages);
  request.mutable_search()->set_rerank(way.reranked);
  request.set_mode(way.quoted ? v1::ANSWER_MODE_EXTRACTIVE : v1::ANSWER_MODE_GENERATIVE);
  request.mutable_sampling()->set_temperature(0);
  request.mutable_sampling()->set_max_tokens(kAnswerTokens);
  return request;
}

v1::GenerateRequest PictureRequest(const EvalQuestion& question) {
  const bool extraction = question.task == demo_world::Task::kExtraction;
  v1::GenerateRequest request;
  v1::ChatMessage& message = *request.add_messages();
  message.set_role("user");
  AddParts(question, [&] { return message.add_content(); });
  if (extraction) request.set_json_schema(demo_world::kInvoiceSchema);
  request.mutable_sampling()->set_temperature(0);
  request.mutable_sampling()->set_max_tokens(extraction ? kJsonTokens : kBoxTokens);
  return request;
}

v1::LocateRequest WhereRequest(const EvalQuestion& question) {
  v1::LocateRequest request;
  AddParts(question, [&] { return request.add_content(); });
  return request;
}

}  // namespace sightline::cli
