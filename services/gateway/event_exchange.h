#pragma once

#include <grpcpp/support/client_callback.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "services/gateway/error_reply.h"
#include "services/gateway/exchange.h"
#include "services/gateway/unary_exchange.h"

namespace sightline::gateway {

// Makes the text of a reply from the events of one call. Called by one thread at a time, in order.
template <typename Event>
class EventRenderer {
 public:
  virtual ~EventRenderer() = default;

  // What an event adds to the body of a streamed reply; may be nothing.
  virtual std::string Render(const Event& event) = 0;
  // True once the event that ends a whole stream was rendered.
  virtual bool complete() const = 0;
  // The reply without its streamed body. A reply that is not `streamed` is asked for when the
  // stream is over; what Render gave is then dropped.
  virtual Reply Head() = 0;
  // How a streamed body tells that the call failed; `error` is its ordinary reply.
  virtual std::string RenderError(const Reply& error) = 0;
};

// One server-streaming call, asked for by one request. The next event is taken from the server only
// when the client took the one before; a failure before the first is an ordinary error reply. Any
// thread.
//
// Lives until gRPC says OnDone, whatever the session does. A read is started only while somebody
// waits for it; the hold keeps OnDone away until the last read has failed.
template <typename Message, typename Event>
class EventExchange final : public Exchange,
                            public grpc::ClientReadReactor<Event>,
                            public std::enable_shared_from_this<EventExchange<Message, Event>> {
 public:
  // Begins the call; what it is called on outlives Start.
  using Method =
      std::function<void(grpc::ClientContext*, const Message*, grpc::ClientReadReactor<Event>*)>;

  // `streamed`: what the renderer's Head says.
  EventExchange(const Request& request, absl::Time deadline, Message message, Method method,
                std::unique_ptr<EventRenderer<Event>> renderer, bool streamed)
      : request_id_(request.id),
        message_(std::move(message)),
        method_(std::move(method)),
        renderer_(std::move(renderer)),
        streamed_(streamed) {
    PrepareContext(request, deadline, context_);
  }

  void Start(std::function<void(Reply)> done) override {
    {
      absl::MutexLock lock(&mu_);
      on_head_ = std::move(done);
      self_ = this->shared_from_this();
      reading_ = true;
    }
    method_(&context_, &message_, this);
    this->AddHold();
    this->StartRead(&event_);
    this->StartCall();
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
    constexpr absl::Duration kKeepAlive = absl::Seconds(15);
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
      this->RemoveHold();
      return;
    }
    Give(renderer_->Render(event_));
  }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<EventExchange> self;
    std::function<void(Reply)> head;
    std::function<void(std::optional<std::string>)> next;
    Reply reply;
    std::optional<std::string> last;
    {
      absl::MutexLock lock(&mu_);
      self = std::move(self_);
      finished_ = true;
      head = std::exchange(on_head_, nullptr);
      next = std::exchange(on_next_, nullptr);
      absl::Status failure = CallStatus(status, cancelled_);
      if (failure.ok() && !renderer_->complete()) {
        failure = absl::InternalError("the stream ended without its last event");
      }
      if (!failure.ok()) {
        reply = ErrorReply(failure, request_id_);
        if (head == nullptr) {
          absl::StrAppend(&pending_, renderer_->RenderError(reply));
          if (next != nullptr) last = std::exchange(pending_, std::string());
        }
      } else if (head != nullptr) {
        reply = renderer_->Head();
      }
    }
    if (head != nullptr) head(std::move(reply));
    if (next != nullptr) next(std::move(last));
  }

 private:
  void ReadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (reading_ || drained_ || self_ == nullptr) return;
    reading_ = true;
    this->StartRead(&event_);
  }

  // An event's text for whoever waits; kept when nobody does.
  void Give(std::string text) {
    std::function<void(Reply)> head;
    std::function<void(std::optional<std::string>)> next;
    {
      absl::MutexLock lock(&mu_);
      reading_ = false;
      if (!streamed_ || (text.empty() && on_next_ != nullptr)) {
        ReadLocked();
        return;
      }
      head = std::exchange(on_head_, nullptr);
      next = std::exchange(on_next_, nullptr);
      if (next == nullptr) absl::StrAppend(&pending_, text);
      if (!cancelled_.ok()) ReadLocked();
    }
    if (head != nullptr) head(renderer_->Head());
    if (next != nullptr) next(std::move(text));
  }

  const std::string request_id_;
  const Message message_;
  const Method method_;
  const std::unique_ptr<EventRenderer<Event>> renderer_;
  const bool streamed_;
  grpc::ClientContext context_;
  Event event_;  // gRPC's while `reading_`

  absl::Mutex mu_;
  std::shared_ptr<EventExchange> self_ ABSL_GUARDED_BY(mu_);  // while gRPC may call
  std::function<void(Reply)> on_head_ ABSL_GUARDED_BY(mu_);
  std::function<void(std::optional<std::string>)> on_next_ ABSL_GUARDED_BY(mu_);
  std::string pending_ ABSL_GUARDED_BY(mu_);
  absl::Time last_given_ ABSL_GUARDED_BY(mu_);
  absl::Status cancelled_ ABSL_GUARDED_BY(mu_);
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool drained_ ABSL_GUARDED_BY(mu_) = false;  // a read failed: there is nothing more
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace sightline::gateway
