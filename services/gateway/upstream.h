#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "absl/time/time.h"
#include "services/edge/local_calls.h"
#include "services/gateway/exchange.h"
#include "services/gateway/local_exchange.h"
#include "services/gateway/method.h"
#include "services/gateway/unary_exchange.h"

namespace sightline::gateway {

// The services that live in the gateway's own process; null: none of its kind does.
struct LocalServices {
  edge::LocalCalls& calls;
  std::tuple<v1::QueryService::Service*, v1::CollectionService::Service*,
             v1::IngestService::Service*, v1::ModelService::Service*>
      services;
};

// What the routes call: the services of this process where there are any, without gRPC and the
// threads that it goes through; all else over a channel. Any thread.
class Upstream {
 public:
  // `local`, and what it names, outlive all calls; null: everything goes over the channel.
  Upstream(std::shared_ptr<grpc::Channel> channel, const LocalServices* local)
      : channel_(std::move(channel)), local_(local) {}

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // A unary call; `render` makes the reply of its response. `method` outlives the call.
  template <typename Service, typename Message, typename Response>
  std::shared_ptr<Exchange> Call(
      const Request& request, absl::Time deadline, Message message,
      const Method<Service, Message, Response>& method,
      std::type_identity_t<std::function<Reply(Response&)>> render) const {
    Service* const service = local_ == nullptr ? nullptr : std::get<Service*>(local_->services);
    if (service != nullptr) {
      return std::make_shared<LocalExchange<Service, Message, Response>>(
          request, deadline, std::move(message), local_->calls, *service, method,
          std::move(render));
    }
    return std::make_shared<UnaryExchange<Message, Response>>(
        request, deadline, std::move(message),
        [channel = channel_, &method](grpc::ClientContext* context, const Message* sent,
                                      Response* response, std::function<void(grpc::Status)> done) {
          grpc::TemplatedGenericStub<Message, Response>(channel).UnaryCall(
              context, method.name, {}, sent, response, std::move(done));
        },
        std::move(render));
  }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  const LocalServices* const local_;
};

}  // namespace sightline::gateway
