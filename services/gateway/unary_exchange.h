#pragma once

#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "services/edge/grpc_status.h"
#include "services/gateway/error_reply.h"
#include "services/gateway/exchange.h"

namespace sightline::gateway {

// Sets what every call upstream carries: deadline and the caller's key.
inline void PrepareContext(const Request& request, absl::Time deadline,
                           grpc::ClientContext& context) {
  if (deadline != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(deadline));
  if (!request.authorization.empty()) {
    context.AddMetadata("authorization", request.authorization);
  }
}

// The status of a call that ended. A call that we cancelled ended for the reason given then.
inline absl::Status CallStatus(const grpc::Status& status, const absl::Status& cancelled) {
  if (status.error_code() == grpc::StatusCode::CANCELLED && !cancelled.ok()) return cancelled;
  return edge::FromGrpcStatus(status);
}

// One unary call, asked for by one request. Any thread.
template <typename Message, typename Response>
class UnaryExchange final : public Exchange,
                            public std::enable_shared_from_this<UnaryExchange<Message, Response>> {
 public:
  using Method = std::function<void(grpc::ClientContext*, const Message*, Response*,
                                    std::function<void(grpc::Status)>)>;
  using Render = std::function<Reply(Response&)>;

  UnaryExchange(const Request& request, absl::Time deadline, Message message, Method method,
                Render render)
      : request_id_(request.id),
        message_(std::move(message)),
        method_(std::move(method)),
        render_(std::move(render)) {
    PrepareContext(request, deadline, context_);
  }

  void Start(std::function<void(Reply)> done) override {
    auto self = this->shared_from_this();
    method_(&context_, &message_, &response_,
            [self, done = std::move(done)](grpc::Status status) { done(self->ToReply(status)); });
  }

  void Cancel(absl::Status why) override {
    {
      absl::MutexLock lock(&mu_);
      cancelled_ = std::move(why);
    }
    context_.TryCancel();
  }

 private:
  Reply ToReply(const grpc::Status& status) {
    if (status.ok()) return render_(response_);
    absl::MutexLock lock(&mu_);
    return ErrorReply(CallStatus(status, cancelled_), request_id_);
  }

  const std::string request_id_;
  const Message message_;
  const Method method_;
  const Render render_;
  grpc::ClientContext context_;
  Response response_;
  absl::Mutex mu_;
  absl::Status cancelled_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline::gateway
