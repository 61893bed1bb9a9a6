#include "services/gateway/answer_stream.h"

#include <grpcpp/support/client_callback.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "proto/reply_json.h"
#include "services/gateway/error_reply.h"
#include "services/gateway/unary_exchange.h"

namespace sightline::gateway {
namespace {

constexpr absl::Duration kKeepAlive = absl::Seconds(15);

std::string Render(const v1::AnswerEvent& event) {
  switch (event.event_case()) {
    case v1::AnswerEvent::kRetrieved:
      return ServerSentEvent("retrieved", SearchReplyJson(event.retrieved().search()));
    case v1::AnswerEvent::kDelta: return ServerSentEvent("delta", DeltaJson(event.delta()));
    case v1::AnswerEvent::kCitation:
      return ServerSentEvent("citation", CitationJson(event.citation()));
    case v1::AnswerEvent::kDone: return ServerSentEvent("done", AnswerReplyJson(event.done()));
    case v1::AnswerEvent::EVENT_NOT_SET: break;
  }
  return ": unknown event\n\n";
}

// Lives until gRPC says OnDone, whatever the session does. A read is started only while somebody
// waits for it; the hold keeps OnDone away until the last read has failed.
class AnswerStream final : public Exchange,
                           public grpc::ClientReadReactor<v1::AnswerEvent>,
                           public std::enable_shared_from_this<AnswerStream> {
 public:
  AnswerStream(const Request& request, QueryRequest query, v1::QueryService::StubInterface& stub)
      : request_id_(request.id), query_(std::move(query)), stub_(stub) {
    PrepareContext(request, query_.deadline, context_);
  }

  void Start(std::function<void(Reply)> done) override {
    {
      absl::MutexLock lock(&mu_);
      on_head_ = std::move(done);
      self_ = shared_from_this();
      reading_ = true;
    }
    stub_.async()->SearchAndAnswer(&context_, &query_.request, this);
    AddHold();
    StartRead(&event_);
    StartCall();
  }

  void Next(std::function<void(std::optional<std::string>)> done) override {
    std::optional<std::string> ready;
    {
      absl::MutexLock lock(&mu_);
      if (!pending_.empty()) {
        ready = std::exchange(pending_, std::string());
      } else if (!finished_) {
        on_next_ = std::move(done);
        last_given_ = absl::Now();
        ReadLocked();
        return;
      }
    }
    done(std::move(ready));
  }

  void Cancel(absl::Status why) override {
    absl::MutexLock lock(&mu_);
    if (cancelled_.ok()) cancelled_ = std::move(why);
    context_.TryCancel();  // after the reason: OnDone may come at once
    ReadLocked();          // fails at once, which lets the hold go
  }

  void Tick(absl::Time now) override {
    std::function<void(std::optional<std::string>)> next;
    {
      absl::MutexLock lock(&mu_);
      if (on_next_ == nullptr || now - last_given_ < kKeepAlive) return;
      next = std::exchange(on_next_, nullptr);
    }
    next(": keep-alive\n\n");
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      {
        absl::MutexLock lock(&mu_);
        reading_ = false;
        drained_ = true;
      }
      RemoveHold();
      return;
    }
    Give(Render(event_));
  }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<AnswerStream> self;
    std::function<void(Reply)> head;
    std::function<void(std::optional<std::string>)> next;
    Reply error;
    std::optional<std::string> last;
    {
      absl::MutexLock lock(&mu_);
      self = std::move(self_);
      finished_ = true;
      head = std::exchange(on_head_, nullptr);
      next = std::exchange(on_next_, nullptr);
      absl::Status failure = CallStatus(status, cancelled_);
      if (failure.ok() && !complete_) {
        failure = absl::InternalError("the answer's stream ended without its last event");
      }
      if (!failure.ok()) {
        error = ErrorReply(failure, request_id_);
        if (head == nullptr) {
          absl::StrAppend(&pending_, ServerSentEvent("error", error.body));
          if (next != nullptr) last = std::exchange(pending_, std::string());
        }
      }
    }
    if (head != nullptr) head(std::move(error));
    if (next != nullptr) next(std::move(last));
  }

 private:
  void ReadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (reading_ || drained_ || self_ == nullptr) return;
    reading_ = true;
    StartRead(&event_);
  }

  // An event for whoever waits; kept when nobody does.
  void Give(std::string text) {
    std::function<void(Reply)> head;
    std::function<void(std::optional<std::string>)> next;
    {
      absl::MutexLock lock(&mu_);
      reading_ = false;
      complete_ = complete_ || event_.has_done();
      head = std::exchange(on_head_, nullptr);
      next = std::exchange(on_next_, nullptr);
      if (next == nullptr) absl::StrAppend(&pending_, text);
      if (!cancelled_.ok()) ReadLocked();
    }
    if (head != nullptr) head(EventStreamReply());
    if (next != nullptr) next(std::move(text));
  }

  const std::string request_id_;
  const QueryRequest query_;
  v1::QueryService::StubInterface& stub_;
  grpc::ClientContext context_;
  v1::AnswerEvent event_;  // gRPC's while `reading_`

  absl::Mutex mu_;
  std::shared_ptr<AnswerStream> self_ ABSL_GUARDED_BY(mu_);  // while gRPC may call
  std::function<void(Reply)> on_head_ ABSL_GUARDED_BY(mu_);
  std::function<void(std::optional<std::string>)> on_next_ ABSL_GUARDED_BY(mu_);
  std::string pending_ ABSL_GUARDED_BY(mu_);
  absl::Time last_given_ ABSL_GUARDED_BY(mu_);
  absl::Status cancelled_ ABSL_GUARDED_BY(mu_);
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool drained_ ABSL_GUARDED_BY(mu_) = false;   // a read failed: there is nothing more
  bool complete_ ABSL_GUARDED_BY(mu_) = false;  // the `done` event came
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
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
  return std::make_shared<AnswerStream>(request, std::move(query), stub);
}

}  // namespace sightline::gateway
