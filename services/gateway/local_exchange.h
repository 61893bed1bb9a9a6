#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "services/edge/grpc_status.h"
#include "services/edge/local_calls.h"
#include "services/gateway/error_reply.h"
#include "services/gateway/exchange.h"
#include "services/gateway/method.h"

namespace sightline::gateway {

// One unary call of a service of this process, run on the thread that starts it. As over gRPC the
// reply does not wait for the handler when the client is gone or the deadline has passed; what the
// handler still comes to is then dropped. Any thread.
template <typename Service, typename Message, typename Response>
class LocalExchange final
    : public Exchange,
      public std::enable_shared_from_this<LocalExchange<Service, Message, Response>> {
 public:
  using Render = std::function<Reply(Response&)>;

  // `calls` and `service` outlive Start.
  LocalExchange(const Request& request, absl::Time deadline, Message message,
                edge::LocalCalls& calls, Service& service,
                const Method<Service, Message, Response>& method, Render render)
      : request_id_(request.id),
        message_(std::move(message)),
        calls_(calls),
        service_(service),
        method_(method),
        render_(std::move(render)),
        context_(deadline) {}

  void Start(std::function<void(Reply)> done) override {
    const auto self = this->shared_from_this();  // the session may let go before the handler ends
    absl::Status given_up;
    {
      absl::MutexLock lock(&mu_);
      if (given_up_.ok()) {
        done_ = std::move(done);
      } else {
        given_up = given_up_;
      }
    }
    if (!given_up.ok()) return done(ErrorReply(given_up, request_id_));
    const grpc::Status status = calls_.Run(method_.name, context_, [this] {
      return (service_.*method_.handler)(&context_, &message_, &response_);
    });
    done = Take();
    if (done == nullptr) return;
    done(status.ok() ? render_(response_) : ErrorReply(edge::FromGrpcStatus(status), request_id_));
  }

  void Cancel(absl::Status why) override { GiveUp(std::move(why)); }

  void Tick(absl::Time now) override {
    if (now >= context_.deadline()) GiveUp(absl::DeadlineExceededError("Deadline Exceeded"));
  }

 private:
  // Null when the reply was given already.
  std::function<void(Reply)> Take() {
    absl::MutexLock lock(&mu_);
    return std::exchange(done_, nullptr);
  }

  void GiveUp(absl::Status why) {
    std::function<void(Reply)> done;
    {
      absl::MutexLock lock(&mu_);
      if (!given_up_.ok()) return;
      given_up_ = why;
      // Before the handler hears of it, which would at once reply that it was cancelled.
      done = std::exchange(done_, nullptr);
    }
    context_.Cancel();
    if (done != nullptr) done(ErrorReply(why, request_id_));
  }

  const std::string request_id_;
  const Message message_;
  edge::LocalCalls& calls_;
  Service& service_;
  const Method<Service, Message, Response>& method_;
  const Render render_;
  edge::LocalContext context_;
  Response response_;
  absl::Mutex mu_;
  absl::Status given_up_ ABSL_GUARDED_BY(mu_);            // why, if it was
  std::function<void(Reply)> done_ ABSL_GUARDED_BY(mu_);  // while the reply is awaited
};

}  // namespace sightline::gateway
