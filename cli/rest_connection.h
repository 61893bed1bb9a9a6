#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::cli {

// A connection to a gateway's REST that is kept for one request after the other; as much of
// HTTP/1.1 as our own gateway's replies need. One thread at a time.
class RestConnection {
 public:
  // `address`: HOST:PORT. kInvalidArgument: it is not; kUnavailable: nothing answers there.
  static absl::StatusOr<std::unique_ptr<RestConnection>> Open(const std::string& address);
  ~RestConnection();
  RestConnection(const RestConnection&) = delete;
  RestConnection& operator=(const RestConnection&) = delete;

  // Posts a JSON text; `cached`: the server may answer from its caches. The reply's body when its
  // status is 200. kInternal with status and body otherwise; kUnavailable: the connection broke.
  absl::StatusOr<std::string> Post(absl::string_view path, absl::string_view json, bool cached);

 private:
  RestConnection(int fd, std::string host) : fd_(fd), host_(std::move(host)) {}

  const int fd_;
  const std::string host_;
};

}  // namespace sightline::cli
