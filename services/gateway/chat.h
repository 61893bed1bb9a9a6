#pragma once

#include <memory>

#include "services/gateway/chat_request.h"
#include "services/gateway/exchange.h"
#include "services/gateway/upstream.h"
#include "sightline/v1/model.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::gateway {

// One chat completion, whole or streamed. The stubs outlive the exchange's Start.
std::shared_ptr<Exchange> MakeChat(const Request& request, ChatRequest chat,
                                   const Upstream& upstream, v1::ModelService::StubInterface& model,
                                   v1::QueryService::StubInterface& query);

// The same request's text alone: {"result": TEXT}.
std::shared_ptr<Exchange> MakeVisionChat(const Request& request, ChatRequest chat,
                                         v1::ModelService::StubInterface& model);

}  // namespace sightline::gateway
