#include "services/gateway/upload.h"

#include <grpcpp/support/client_callback.h>

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "proto/reply_json.h"
#include "services/edge/error_details.h"
#include "services/gateway/answer_stream.h"
#include "services/gateway/error_reply.h"
#include "services/gateway/json_text.h"
#include "services/gateway/unary_exchange.h"
#include "services/gateway/upload_body.h"

namespace sightline::gateway {
namespace {

constexpr absl::Duration kKeepAlive = absl::Seconds(15);
constexpr size_t kMaxPendingBytes = 256 << 10;  // of events, before progress is left out

// What is known of one document of the upload.
struct Document {
  std::string source;
  v1::IngestStatus status;  // the newest; without an event before the server accepted it
  bool finished() const { return status.has_finished(); }
  bool known() const { return status.event_case() != v1::IngestStatus::EVENT_NOT_SET; }
  bool failed() const {
    return finished() && status.finished().outcome() == v1::INGEST_OUTCOME_FAILED;
  }
};

// {"source", then the keys of the status}
std::string DocumentEntry(const Document& document) {
  return absl::StrCat("{\"source\":", JsonString(document.source), ",",
                      IngestStatusJson(document.status).substr(1));
}

// Why a document failed, as the error of a request that sent only this one.
absl::Status FailureOf(const Document& document) {
  const v1::IngestFinished& finished = document.status.finished();
  auto code = static_cast<absl::StatusCode>(finished.code());
  if (code == absl::StatusCode::kOk) code = absl::StatusCode::kInvalidArgument;
  std::string message = "the document could not be read";
  std::string reason = edge::DefaultReason(code);
  if (!finished.failures().empty()) {
    message = finished.failures(0).message();
    reason = finished.failures(0).reason();
  }
  absl::Status status =
      edge::WithReason(absl::Status(code, absl::StrCat(document.source, ": ", message)), reason);
  if (finished.retry_after_ms() > 0) {
    status = edge::WithRetryAfter(status, absl::Milliseconds(finished.retry_after_ms()));
  }
  return status;
}

// One call of IngestDocuments. Lives until gRPC says OnDone, whatever the session does. The hold
// keeps OnDone away while messages may still be written; one read is always under way.
class Upload final : public BodyExchange,
                     public grpc::ClientBidiReactor<v1::IngestRequest, v1::IngestStatus>,
                     public std::enable_shared_from_this<Upload> {
 public:
  Upload(const Request& request, std::unique_ptr<UploadBody> body, bool wait,
         v1::IngestService::StubInterface& stub)
      : request_id_(request.id),
        wait_(wait),
        events_(request.wants_events && wait),
        stub_(stub),
        body_(std::move(body)) {
    PrepareContext(request, request.deadline, context_);
  }

  void Consume(std::string piece, std::function<void(bool)> done) override {
    std::vector<v1::IngestRequest> messages;
    const absl::Status read = body_->Feed(piece, messages);
    Send(std::move(messages));
    bool go_on = false;
    {
      absl::MutexLock lock(&mu_);
      if (!read.ok()) {
        fault_ = read;
      } else if (!broken_ && !queue_.empty()) {
        on_consumed_ = std::move(done);
        return;
      }
      go_on = read.ok() && !broken_;
    }
    if (!read.ok()) Cancel(read);
    done(go_on);
  }

  void Start(std::function<void(Reply)> done) override {
    absl::Status fault;
    bool broken = false;
    {
      absl::MutexLock lock(&mu_);
      fault = fault_;
      broken = broken_;
      if (fault.ok() && broken && !started_) fault = cancelled_;
    }
    if (fault.ok() && !broken) {
      std::vector<v1::IngestRequest> messages;
      fault = body_->Finish(messages);
      if (fault.ok()) Send(std::move(messages));
    }
    if (!fault.ok()) {
      Cancel(fault);
      done(ErrorReply(fault, request_id_));
      return;
    }
    {
      absl::MutexLock lock(&mu_);
      on_reply_ = std::move(done);
      body_ended_ = true;
    }
    Pump();
    MaybeReply();
  }

  void Next(std::function<void(std::optional<std::string>)> done) override {
    std::optional<std::string> ready;
    {
      absl::MutexLock lock(&mu_);
      if (!pending_.empty()) {
        ready = std::exchange(pending_, std::string());
      } else if (!ended_) {
        on_next_ = std::move(done);
        last_given_ = absl::Now();
        return;
      }
    }
    done(std::move(ready));
  }

  void Cancel(absl::Status why) override {
    bool release = false;
    {
      absl::MutexLock lock(&mu_);
      if (cancelled_.ok()) cancelled_ = std::move(why);
      queue_.clear();
      release = std::exchange(holding_, false);
      broken_ = true;
    }
    context_.TryCancel();  // after the reason: OnDone may come at once
    if (release) RemoveHold();
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

  void OnWriteDone(bool ok) override {
    bool release = false;
    std::function<void(bool)> consumed;
    {
      absl::MutexLock lock(&mu_);
      writing_ = false;
      if (!ok) {
        // The server ended the call; OnDone says why.
        broken_ = true;
        queue_.clear();
        release = std::exchange(holding_, false);
      }
      if (broken_ || queue_.empty()) consumed = std::exchange(on_consumed_, nullptr);
      ok = !broken_;
    }
    if (release) RemoveHold();
    if (ok) Pump();
    if (consumed != nullptr) consumed(ok);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      absl::MutexLock lock(&mu_);
      const auto found = documents_.find(status_.tag());
      if (found != documents_.end()) {
        found->second.status = status_;
        if (events_) AddEvent(found->second);
      }
    }
    StartRead(&status_);
    MaybeReply();
  }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<Upload> self;
    std::function<void(bool)> consumed;
    {
      absl::MutexLock lock(&mu_);
      self = std::move(self_);
      ended_ = true;
      broken_ = true;
      queue_.clear();
      outcome_ = CallStatus(status, cancelled_);
      consumed = std::exchange(on_consumed_, nullptr);
      if (events_) {
        AddEvent(AllAreFinished() ? ServerSentEvent("done", Summary().body)
                                  : ServerSentEvent("error", FinalReply().body));
      }
    }
    if (consumed != nullptr) consumed(false);
    MaybeReply();
  }

 private:
  // Queues messages and starts the call with the first.
  void Send(std::vector<v1::IngestRequest> messages) {
    if (messages.empty()) return;
    bool start = false;
    {
      absl::MutexLock lock(&mu_);
      if (broken_) return;
      for (v1::IngestRequest& message : messages) {
        if (message.has_header()) {
          Document& document = documents_[message.tag()];
          document.source = message.header().source();
          document.status.set_tag(message.tag());
        }
        queue_.push_back(std::move(message));
      }
      start = !started_;
    }
    if (start) StartRpc();
    Pump();
  }

  void StartRpc() {
    absl::MutexLock lock(&mu_);
    if (broken_) return;
    self_ = shared_from_this();
    started_ = true;
    holding_ = true;
    stub_.async()->IngestDocuments(&context_, this);
    AddHold();
    StartRead(&status_);
    StartCall();
  }

  // Writes the next message, or says that there are no more.
  void Pump() {
    {
      // Both starts happen under the lock, so that Cancel cannot let go of the hold before them.
      absl::MutexLock lock(&mu_);
      if (!started_ || broken_ || writing_ || !holding_) return;
      if (!queue_.empty()) {
        current_ = std::move(queue_.front());
        queue_.pop_front();
        writing_ = true;
        StartWrite(&current_);
        return;
      }
      if (!body_ended_) return;
      holding_ = false;
      StartWritesDone();
    }
    RemoveHold();
  }

  void AddEvent(const Document& document) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const char* name = document.finished()              ? "finished"
                       : document.status.has_progress() ? "progress"
                                                        : "accepted";
    // A client that reads slowly misses steps, never an end.
    if (document.status.has_progress() && pending_.size() > kMaxPendingBytes) return;
    AddEvent(ServerSentEvent(name, DocumentEntry(document)));
  }
  void AddEvent(std::string event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    absl::StrAppend(&pending_, event);
  }

  bool AllAreFinished() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const auto& [tag, document] : documents_) {
      if (!document.finished()) return false;
    }
    return true;
  }
  bool AllAreKnown() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const auto& [tag, document] : documents_) {
      if (!document.known()) return false;
    }
    return true;
  }

  // Gives the reply, and the events that wait, once there is something to give.
  void MaybeReply() {
    std::function<void(Reply)> reply;
    std::function<void(std::optional<std::string>)> next;
    Reply out;
    std::optional<std::string> piece;
    bool detach = false;
    {
      absl::MutexLock lock(&mu_);
      if (on_next_ != nullptr && (!pending_.empty() || ended_)) {
        next = std::exchange(on_next_, nullptr);
        if (!pending_.empty()) piece = std::exchange(pending_, std::string());
      }
      if (on_reply_ != nullptr) {
        if (events_) {
          // An error before any event is an ordinary error reply.
          if (ended_ && !AllAreFinished()) {
            out = FinalReply();
            reply = std::exchange(on_reply_, nullptr);
          } else if (!pending_.empty()) {
            out = EventStreamReply();
            reply = std::exchange(on_reply_, nullptr);
          }
        } else if (!wait_ && AllAreKnown()) {
          out = Summary();
          if (!AllAreFinished()) out.status = 202;
          detach = !ended_;
          reply = std::exchange(on_reply_, nullptr);
        } else if (ended_) {
          out = FinalReply();
          reply = std::exchange(on_reply_, nullptr);
        }
      }
    }
    if (next != nullptr) next(std::move(piece));
    if (reply != nullptr) reply(std::move(out));
    // The jobs are stored and go on by themselves.
    if (detach) context_.TryCancel();
  }

  // The reply to a call that has ended.
  Reply FinalReply() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (AllAreFinished()) return Summary();
    if (absl::IsDeadlineExceeded(outcome_) && AllAreKnown()) {
      // Only the wait is over: the jobs are stored and go on.
      Reply reply = Summary();
      reply.status = 202;
      return reply;
    }
    if (!outcome_.ok()) return ErrorReply(outcome_, request_id_);
    return ErrorReply(absl::InternalError("the ingest stream ended before its documents"),
                      request_id_);
  }

  Reply Summary() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    std::string list;
    size_t failed = 0;
    const Document* first_failed = nullptr;
    for (const auto& [tag, document] : documents_) {
      absl::StrAppend(&list, list.empty() ? "" : ",", DocumentEntry(document));
      if (!document.failed()) continue;
      ++failed;
      if (first_failed == nullptr) first_failed = &document;
    }
    Reply reply;
    if (first_failed != nullptr && failed == documents_.size()) {
      reply = ErrorReply(FailureOf(*first_failed), request_id_);
      reply.body.pop_back();  // the closing brace
      absl::StrAppend(&reply.body, ",");
    } else {
      reply.body = "{";
    }
    absl::StrAppend(&reply.body, "\"documents\":[", list, "],\"failed\":", failed, "}");
    return reply;
  }

  const std::string request_id_;
  const bool wait_;
  const bool events_;
  v1::IngestService::StubInterface& stub_;
  const std::unique_ptr<UploadBody> body_;  // the session's calls only, which do not overlap
  grpc::ClientContext context_;
  v1::IngestStatus status_;    // gRPC's while a read is under way
  v1::IngestRequest current_;  // gRPC's while `writing_`

  absl::Mutex mu_;
  std::shared_ptr<Upload> self_ ABSL_GUARDED_BY(mu_);  // while gRPC may call
  std::deque<v1::IngestRequest> queue_ ABSL_GUARDED_BY(mu_);
  std::map<int64_t, Document> documents_ ABSL_GUARDED_BY(mu_);  // by tag
  std::function<void(bool)> on_consumed_ ABSL_GUARDED_BY(mu_);
  std::function<void(Reply)> on_reply_ ABSL_GUARDED_BY(mu_);
  std::function<void(std::optional<std::string>)> on_next_ ABSL_GUARDED_BY(mu_);
  std::string pending_ ABSL_GUARDED_BY(mu_);  // events not yet given
  absl::Time last_given_ ABSL_GUARDED_BY(mu_);
  absl::Status fault_ ABSL_GUARDED_BY(mu_);  // in the body
  absl::Status cancelled_ ABSL_GUARDED_BY(mu_);
  absl::Status outcome_ ABSL_GUARDED_BY(mu_);  // of the call, once ended_
  bool started_ ABSL_GUARDED_BY(mu_) = false;
  bool holding_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;  // nothing more can be written
  bool body_ended_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace

absl::StatusOr<std::shared_ptr<BodyExchange>> MakeUpload(const Request& request,
                                                         const std::string& collection,
                                                         v1::IngestService::StubInterface& stub) {
  bool wait = true;
  const auto found = request.query.find("wait");
  if (found != request.query.end() && !absl::SimpleAtob(found->second, &wait)) {
    return edge::InvalidField("wait", "expected true or false");
  }
  SL_ASSIGN_OR_RETURN(std::unique_ptr<UploadBody> body, UploadBody::Create(request, collection));
  return std::make_shared<Upload>(request, std::move(body), wait, stub);
}

}  // namespace sightline::gateway
