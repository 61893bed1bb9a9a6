#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/gateway/exchange.h"

namespace sightline::gateway {

// {"error":{"message","type","param","code"}} with the HTTP code of services/edge/grpc_status.h.
// `param` is the field at fault, or null; `code` the stable reason. Overload carries Retry-After.
// What only the log should say (bugs, damage, addresses of an unreachable server) is replaced by a
// fixed sentence with the request's id, and written to the log.
Reply ErrorReply(const absl::Status& status, absl::string_view request_id);

// The same for faults that exist in HTTP only, such as 405 and 408.
Reply ErrorReply(int http_status, absl::string_view code, absl::string_view message,
                 absl::string_view param = "");

// "Not Found" for 404.
absl::string_view ReasonPhrase(int http_status);

}  // namespace sightline::gateway
