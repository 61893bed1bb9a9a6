#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "services/gateway/exchange.h"

namespace sightline::gateway {

// One message of the Model Context Protocol's streamable HTTP: a request is answered by its JSON, a
// notification by 202. There are no sessions and no streams: nothing is remembered between two
// messages, so a request is cancelled by closing its connection. The work waits on a thread of its
// own, as many as there are requests at work.
std::shared_ptr<Exchange> MakeMcpExchange(const Request& request,
                                          const std::shared_ptr<grpc::Channel>& channel,
                                          const std::string& version);

}  // namespace sightline::gateway
