#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "mcp/call.h"
#include "mcp/json_rpc.h"
#include "mcp/stubs.h"

namespace sightline::mcp {

// A revision of the protocol that Server speaks.
bool IsRevision(absl::string_view text);

struct ServerOptions {
  std::string version;                         // of this program
  std::string authorization;                   // goes with every call upstream; may be empty
  absl::Duration timeout = absl::Minutes(10);  // of one request
  bool no_cache = false;                       // of every search and answer
};

// A Model Context Protocol server for one client, over a Sightline server's gRPC interface. It
// speaks revisions 2025-11-25, 2025-06-18, 2025-03-26 and 2024-11-05, has tools and resources, and
// asks nothing of the client. Any thread; outlives the work it gave out.
class Server {
 public:
  Server(const std::shared_ptr<grpc::Channel>& channel, ServerOptions options);

  // A request's work: blocks, and gives the reply's line, or none when it was cancelled.
  using Work = std::function<std::optional<std::string>()>;

  // Takes one message. A request is known from here on, so that a later message can cancel it; its
  // reply comes from the work. Null: nothing is to be answered.
  Work Accept(absl::string_view text);

  // Ends every request that runs.
  void CancelAll();

 private:
  std::variant<Json, RpcError> Answer(const RpcMessage& request, Call& call);
  void Notified(const RpcMessage& notification);

  const Stubs stubs_;
  const ServerOptions options_;
  absl::Mutex mu_;
  std::map<std::string, std::shared_ptr<Call>> running_ ABSL_GUARDED_BY(mu_);  // by id, as JSON
};

}  // namespace sightline::mcp
