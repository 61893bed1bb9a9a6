#include "services/gateway/answer_stream.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/reply_json.h"
#include "services/gateway/event_exchange.h"

namespace sightline::gateway {
namespace {

std::string Render(const v1::AnswerEvent& event) {
  switch (event.event_case()) {
    case v1::AnswerEvent::kRetrieved:
      return ServerSentEvent("retrieved", SearchReplyJson(event.retrieved().search()));
    case v1::AnswerEvent::kDelta: return ServerSentEvent("delta", DeltaJson(event.delta()));
    case v1::AnswerEvent::kReasoning:
      return ServerSentEvent("reasoning", DeltaJson(event.reasoning()));
    case v1::AnswerEvent::kCitation:
      return ServerSentEvent("citation", CitationJson(event.citation()));
    case v1::AnswerEvent::kFieldCitation:
      return ServerSentEvent("field_citation", FieldCitationJson(event.field_citation()));
    case v1::AnswerEvent::kDone: return ServerSentEvent("done", AnswerReplyJson(event.done()));
    case v1::AnswerEvent::EVENT_NOT_SET: break;
  }
  return ": unknown event\n\n";
}

class AnswerRenderer final : public EventRenderer<v1::AnswerEvent> {
 public:
  std::string Render(const v1::AnswerEvent& event) override {
    complete_ = complete_ || event.has_done();
    return gateway::Render(event);
  }
  bool complete() const override { return complete_; }
  Reply Head() override { return EventStreamReply(); }
  std::string RenderError(const Reply& error) override {
    return ServerSentEvent("error", error.body);
  }

 private:
  bool complete_ = false;
};

}  // namespace

std::string ServerSentEvent(absl::string_view name, absl::string_view json) {
  return absl::StrCat("event: ", name, "\ndata: ", json, "\n\n");
}

Reply EventStreamReply() {
  Reply reply;
  reply.content_type = "text/event-stream";
  reply.streamed = true;
  // Proxies that collect replies would hold back the events.
  reply.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  return reply;
}

std::shared_ptr<Exchange> MakeAnswerStream(const Request& request, QueryRequest query,
                                           v1::QueryService::StubInterface& stub) {
  return std::make_shared<EventExchange<v1::SearchAndAnswerRequest, v1::AnswerEvent>>(
      request, query.deadline, std::move(query.request),
      [&stub](auto... arguments) { stub.async()->SearchAndAnswer(arguments...); },
      std::make_unique<AnswerRenderer>(), /*streamed=*/true);
}

}  // namespace sightline::gateway
