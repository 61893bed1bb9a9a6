#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::cache {

// Where a Redis listens and as whom to ask it.
struct RedisAddress {
  std::string host;  // empty: a Unix socket
  int port = 6379;
  std::string socket;  // path
  std::string user;    // empty = Redis's default
  int database = 0;

  std::string Name() const;  // for the log: HOST:PORT or the path
};

// "redis://[USER@]HOST[:PORT][/DATABASE]", HOST an IPv6 address in brackets perhaps, or
// "unix:PATH". kInvalidArgument: anything else, a password among it: that comes from elsewhere, so
// that no address shows it.
absl::StatusOr<RedisAddress> ReadRedisAddress(absl::string_view url);

}  // namespace sightline::cache
