#include "services/gateway/mcp_exchange.h"

#include <optional>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "mcp/server.h"
#include "services/edge/error_details.h"
#include "services/gateway/error_reply.h"
#include "services/gateway/query_request.h"

namespace sightline::gateway {
namespace {

class McpExchange final : public Exchange, public std::enable_shared_from_this<McpExchange> {
 public:
  McpExchange(const Request& request, const std::shared_ptr<grpc::Channel>& channel,
              const std::string& version)
      : body_(request.body),
        server_(channel, {.version = version,
                          .authorization = request.authorization,
                          .timeout = request.deadline - absl::Now(),
                          .no_cache = request.no_cache}) {}

  void Start(std::function<void(Reply)> done) override {
    mcp::Server::Work work = server_.Accept(body_);
    if (work == nullptr) {
      Reply accepted;
      accepted.status = 202;
      return done(std::move(accepted));
    }
    std::thread([self = shared_from_this(), work = std::move(work), done = std::move(done)] {
      const std::optional<std::string> line = work();
      Reply reply;
      if (line.has_value()) {
        reply.body = *line;
      } else {
        reply = ErrorReply(499, "cancelled", "the client is gone");
      }
      done(std::move(reply));
    }).detach();
  }

  void Cancel(absl::Status) override { server_.CancelAll(); }

 private:
  const std::string body_;
  mcp::Server server_;
};

}  // namespace

std::shared_ptr<Exchange> MakeMcpExchange(const Request& request,
                                          const std::shared_ptr<grpc::Channel>& channel,
                                          const std::string& version) {
  if (absl::Status status = RequireJson(request); !status.ok()) {
    return Ready(ErrorReply(status, request.id));
  }
  // Clients from before the header do not send it.
  if (!request.mcp_protocol_version.empty() && !mcp::IsRevision(request.mcp_protocol_version)) {
    return Ready(
        ErrorReply(edge::InvalidField("MCP-Protocol-Version",
                                      "not a revision that this server speaks", "unknown_revision"),
                   request.id));
  }
  return std::make_shared<McpExchange>(request, channel, version);
}

}  // namespace sightline::gateway
