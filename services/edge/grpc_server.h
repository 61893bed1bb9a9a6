#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/edge/metrics.h"

namespace sightline::edge {

struct GrpcOptions {
  std::string address = "127.0.0.1:50051";  // HOST:PORT, port 0 = any free one, or unix:PATH
  int max_message_bytes = 64 << 20;         // one message, each way
  int max_streams = 256;                    // calls at once on one connection
  int max_threads = 128;                    // calls worked on at once; above: RESOURCE_EXHAUSTED
  int64_t memory_bytes = int64_t{2} << 30;  // of gRPC's buffers
};

struct NamedService {
  std::string name;  // service_full_name(), for its health
  grpc::Service* service;
};

// A running gRPC server with health service, reflection, request log and limits. Any thread.
class GrpcServer {
 public:
  // Listens and serves. `services` and `metrics` outlive the server. Health says NOT_SERVING until
  // SetServing(true). kUnavailable: the address cannot be bound; kInvalidArgument: it is malformed.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const GrpcOptions& options, const std::vector<NamedService>& services, Metrics& metrics);
  ~GrpcServer();  // Stop(now)

  // Where clients find it, with the real port.
  const std::string& address() const { return address_; }

  // Sets the health of every service and of the server as a whole.
  void SetServing(bool serving);

  // A channel into this server that does not touch the network. Usable until Stop.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // Refuses new calls and waits for those that run; at `deadline` they are cancelled.
  void Stop(absl::Time deadline);

 private:
  GrpcServer(std::unique_ptr<grpc::Server> server, std::string address,
             std::vector<std::string> services, int max_message_bytes);

  const std::unique_ptr<grpc::Server> server_;
  const std::string address_;
  const std::vector<std::string> services_;
  const int max_message_bytes_;
};

}  // namespace sightline::edge
