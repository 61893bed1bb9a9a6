#include "services/gateway/chat.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/gateway/chat_reply.h"
#include "services/gateway/event_exchange.h"
#include "services/gateway/json_text.h"

namespace sightline::gateway {
namespace {

constexpr char kAnyModel[] = "sightline";  // of a request that names none

// Waits for the whole text.
class ResultRenderer final : public EventRenderer<v1::GenerateEvent> {
 public:
  std::string Render(const v1::GenerateEvent& event) override {
    if (event.has_done()) {
      complete_ = true;
      result_ = event.done().text();
    }
    return "";
  }
  bool complete() const override { return complete_; }
  Reply Head() override {
    Reply reply;
    reply.body = absl::StrCat("{\"result\":", JsonString(result_), "}");
    return reply;
  }
  std::string RenderError(const Reply&) override { return ""; }

 private:
  bool complete_ = false;
  std::string result_;
};

std::shared_ptr<Exchange> Generate(const Request& request, ChatRequest chat,
                                   std::unique_ptr<EventRenderer<v1::GenerateEvent>> renderer,
                                   v1::ModelService::StubInterface& model) {
  return std::make_shared<EventExchange<v1::GenerateRequest, v1::GenerateEvent>>(
      request, chat.deadline, std::get<v1::GenerateRequest>(std::move(chat.call)),
      [&model](auto... arguments) { model.async()->Generate(arguments...); }, std::move(renderer),
      chat.stream);
}

}  // namespace

std::shared_ptr<Exchange> MakeChat(const Request& request, ChatRequest chat,
                                   const Upstream& upstream, v1::ModelService::StubInterface& model,
                                   v1::QueryService::StubInterface& query) {
  ChatHead head = {.id = absl::StrCat("chatcmpl-", request.id),
                   .created = absl::ToUnixSeconds(absl::Now()),
                   .model = chat.model.empty() ? kAnyModel : chat.model};
  if (!chat.grounded()) {
    auto renderer = MakeChatChunks(std::move(head), chat);
    return Generate(request, std::move(chat), std::move(renderer), model);
  }
  auto& call = std::get<v1::SearchAndAnswerRequest>(chat.call);
  if (chat.stream) {
    auto renderer = MakeAnswerChunks(std::move(head), chat);
    return std::make_shared<EventExchange<v1::SearchAndAnswerRequest, v1::AnswerEvent>>(
        request, chat.deadline, std::move(call),
        [&query](auto... arguments) { query.async()->SearchAndAnswer(arguments...); },
        std::move(renderer), /*streamed=*/true);
  }
  return upstream.Call(request, chat.deadline, std::move(call), kAnswer,
                       [head = std::move(head),
                        warnings = std::move(chat.warnings)](const v1::AnswerResponse& answer) {
                         Reply reply;
                         reply.body = ChatJson(head, answer, warnings);
                         return reply;
                       });
}

std::shared_ptr<Exchange> MakeVisionChat(const Request& request, ChatRequest chat,
                                         v1::ModelService::StubInterface& model) {
  return Generate(request, std::move(chat), std::make_unique<ResultRenderer>(), model);
}

}  // namespace sightline::gateway
