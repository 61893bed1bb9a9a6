#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class Channel;
}

namespace sightline::gateway {

struct LocalServices;

struct HttpOptions {
  std::string address = "127.0.0.1:8080";  // IP:PORT, [IPv6]:PORT; port 0 = a free one
  // Folder of the built page; read once at start. Empty, or without index.html: `/` answers 404.
  std::string web_root;

  int64_t max_body_bytes = int64_t{32} << 20;       // of a query: JSON, or a form with pictures
  int64_t max_upload_bytes = int64_t{1} << 30;      // of one upload request, all files together
  int64_t max_buffered_bytes = int64_t{512} << 20;  // of query bodies, over all connections
  int threads = 2;                                  // that serve connections, at least; >= 1
  int max_connections = 4096;                       // more are answered 503 and closed
  int max_requests = 256;                           // at work at once; more are answered 429
  // Names that the Host header may carry, without port, lower case. Empty: any name, except that a
  // server on a loopback address then takes IP addresses and `localhost` only, so that a foreign
  // web page cannot reach it through a name of its own that resolves to this machine.
  std::vector<std::string> allowed_hosts;

  absl::Duration header_timeout =
      absl::Seconds(10);  // from a request's first byte to its last header
  absl::Duration idle_timeout = absl::Seconds(60);  // between requests
  absl::Duration body_grace = absl::Seconds(5);     // then at least min_bytes_per_second both ways
  int64_t min_bytes_per_second = 1024;
  absl::Duration default_timeout = absl::Minutes(5);  // of a request that names none
  absl::Duration max_timeout = absl::Hours(1);        // a longer wish is cut to this
};

// What the gateway cannot learn through gRPC. The functions may be called from any thread, at once,
// and must answer within milliseconds; an empty one leaves out its route.
struct ServerState {
  std::function<std::string()> metrics_text;  // Prometheus text format 0.0.4, for GET /metrics
  std::function<absl::Status()> ready;        // for GET /readyz; empty = always ready
  std::string version;                        // for GET /version
  // Told of every request that ended: "POST /v1/search", the HTTP status, how long it took.
  std::function<void(const std::string& route, int status, absl::Duration elapsed)> request_done;
};

// The REST gateway and the page, docs in openapi.json: HTTP/1.1 in front, the services of
// sightline.v1 behind. Holds no state of the corpus. Any thread.
class HttpServer {
 public:
  // Serves as soon as it returns. Unary calls reach the services of `local`, which outlives the
  // server, in this process; null: all calls go over the channel. The channel may be in-process or
  // remote; it must accept replies larger than a stored picture
  // (GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH), and the server behind it requests of max_body_bytes.
  // kInvalidArgument: an address, folder or option that cannot be; kUnavailable: cannot listen.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpOptions& options,
                                                           std::shared_ptr<grpc::Channel> channel,
                                                           ServerState state,
                                                           const LocalServices* local = nullptr);

  // As Stop without waiting.
  ~HttpServer();

  // IP:PORT that it listens on, with the port chosen when the option said 0.
  std::string address() const;

  // Refuses new connections and closes idle ones at once, lets requests at work finish until
  // `deadline`, then cancels those that are left; a stream gets an `error` event. Idempotent.
  void Stop(absl::Time deadline);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::gateway
