#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/gateway/exchange.h"
#include "services/gateway/http_server.h"

namespace sightline::gateway {

// The head of a request as it came over the wire.
struct RawHead {
  std::string method;
  std::string target;
  int version = 11;                                          // 10 or 11
  std::vector<std::pair<std::string, std::string>> headers;  // in order; values trimmed
};

// What the connection needs to know of a request, besides the request itself.
struct Head {
  Request request;
  bool is_head = false;  // reply without the body
  bool has_body = false;
  bool expects_continue = false;
};

// Checks a head and takes it apart; id and deadline are set, the body is still to come. Refuses
// whatever two servers could read in two ways: both lengths, a length twice or not plain digits, a
// transfer coding besides chunked, a missing or second Host, a target that is not a path.
// kInvalidArgument; reason "unknown_type" for an encoded body; kPermissionDenied for a Host that is
// not ours, and for a change asked for by a page from elsewhere (Origin), reasons "foreign_host",
// "foreign_origin".
// `only_local_names`: see HttpOptions::allowed_hosts.
absl::StatusOr<Head> ReadHead(const RawHead& raw, const HttpOptions& options,
                              bool only_local_names);

}  // namespace sightline::gateway
