#pragma once

#include <memory>

#include "services/gateway/exchange.h"
#include "services/gateway/query_request.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::gateway {

// An answer as server-sent events: `retrieved`, then `delta` and `citation`, then `done`; a failure
// before the first event is an ordinary error reply, a later one an event `error`. The next event
// is taken from the server only when the client took the one before.
std::shared_ptr<Exchange> MakeAnswerStream(const Request& request, QueryRequest query,
                                           v1::QueryService::StubInterface& stub);

// "event: NAME\ndata: JSON\n\n"; `json` is one line.
std::string ServerSentEvent(absl::string_view name, absl::string_view json);

// The head of a stream of events.
Reply EventStreamReply();

}  // namespace sightline::gateway
