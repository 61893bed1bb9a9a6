#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/failure.h"
#include "cli/interrupt.h"
#include "cli/private_server.h"
#include "client/failure.h"

namespace sightline::cli {

// Which server a command talks to, in this order: `server`; a private one on `data`; `fallback`.
struct ConnectionOptions {
  std::string server;                                 // --server
  std::string data;                                   // --data
  std::string model;                                  // --model, for a private server
  std::string http;                                   // of a private one; see PrivateServerOptions
  std::string backups;                                // of a private one, likewise
  std::string fallback;                               // SIGHTLINE_SERVER
  absl::Duration timeout = absl::InfiniteDuration();  // --timeout, of one call
  bool quiet = false;
};

inline constexpr char kDefaultServer[] = "127.0.0.1:50051";

// A server that answers. Channel and server live as long as this; calls may come from any thread.
class Connection {
 public:
  // kInvalidArgument: --server and --data together; kUnavailable: nothing answers, the message says
  // what to do; else as PrivateServer::Start.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ConnectionOptions& options);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const std::string& address() const { return address_; }
  // Of one call that starts now.
  absl::Time Deadline() const { return absl::Now() + timeout_; }
  // The private server, or null.
  const PrivateServer* private_server() const { return server_.get(); }

 private:
  Connection() = default;
  std::unique_ptr<PrivateServer> server_;
  std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  absl::Duration timeout_ = absl::InfiniteDuration();
};

// One call's context: with the deadline, and cancelled by Ctrl-C.
class CallContext {
 public:
  explicit CallContext(absl::Time deadline);
  grpc::ClientContext* get() { return &context_; }

 private:
  grpc::ClientContext context_;
  OnInterrupt cancel_;
};

// Calls a method of `stub` that takes one message and returns one.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(const Connection& connection, Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              const Request& request) {
  CallContext context(connection.Deadline());
  Response response;
  const grpc::Status status = (stub.*method)(context.get(), request, &response);
  if (!status.ok()) return client::FromRpc(status);
  return response;
}

}  // namespace sightline::cli
