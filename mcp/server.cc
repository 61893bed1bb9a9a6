#include "mcp/server.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mcp/resources.h"
#include "mcp/tools.h"

namespace sightline::mcp {
namespace {

// The newest first.
constexpr const char* kRevisions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

constexpr char kInstructions[] =
    "Searches collections of documents, scans and photos by words and by pictures, and answers "
    "from them with citations. Start with list_collections. Cite passages by source and page or "
    "time.";

std::variant<Json, RpcError> Initialize(const Json& params, const std::string& version) {
  const auto wanted = params.find("protocolVersion");
  if (wanted == params.end() || !wanted->is_string()) {
    return RpcError{kInvalidParams, "params.protocolVersion: expected a string"};
  }
  const bool known = IsRevision(wanted->get<std::string>());
  return Json{{"protocolVersion", known ? wanted->get<std::string>() : kRevisions[0]},
              {"capabilities", {{"tools", Json::object()}, {"resources", Json::object()}}},
              {"serverInfo", {{"name", "sightline"}, {"title", "Sightline"}, {"version", version}}},
              {"instructions", kInstructions}};
}

}  // namespace

bool IsRevision(absl::string_view text) {
  return std::find(std::begin(kRevisions), std::end(kRevisions), text) != std::end(kRevisions);
}

Server::Server(const std::shared_ptr<grpc::Channel>& channel, ServerOptions options)
    : stubs_(channel), options_(std::move(options)) {}

Server::Work Server::Accept(absl::string_view text) {
  auto read = ReadRpc(text);
  if (const auto* fault = std::get_if<RpcFault>(&read)) {
    return [reply = RpcFailure(fault->id, fault->error)] { return reply; };
  }
  RpcMessage message = std::get<RpcMessage>(std::move(read));
  if (message.is_notification()) {
    Notified(message);
    return nullptr;
  }
  const std::string key = message.id.dump();
  auto call = std::make_shared<Call>(options_.authorization, options_.timeout, options_.no_cache);
  {
    absl::MutexLock lock(&mu_);
    if (!running_.emplace(key, call).second) {
      const RpcError error = {kInvalidRequest, "a request of this id still runs"};
      return [reply = RpcFailure(message.id, error)] { return reply; };
    }
  }
  return [this, key, call, message = std::move(message)]() -> std::optional<std::string> {
    std::variant<Json, RpcError> answer = Answer(message, *call);
    {
      absl::MutexLock lock(&mu_);
      running_.erase(key);
    }
    if (call->cancelled()) return std::nullopt;
    if (auto* result = std::get_if<Json>(&answer)) {
      return RpcResult(message.id, std::move(*result));
    }
    return RpcFailure(message.id, std::get<RpcError>(answer));
  };
}

void Server::CancelAll() {
  absl::MutexLock lock(&mu_);
  for (const auto& [id, call] : running_) call->Cancel();
}

std::variant<Json, RpcError> Server::Answer(const RpcMessage& request, Call& call) {
  const std::string& method = request.method;
  if (method == "initialize") return Initialize(request.params, options_.version);
  if (method == "ping") return Json::object();
  if (method == "tools/list") return ToolList();
  if (method == "tools/call") return CallTool(request.params, stubs_, call);
  if (method == "resources/list") return ResourceList(stubs_, call);
  if (method == "resources/templates/list") return ResourceTemplates();
  if (method == "resources/read") return ReadResource(request.params, stubs_, call);
  return RpcError{kMethodNotFound, absl::StrCat("there is no method \"", method, "\"")};
}

void Server::Notified(const RpcMessage& notification) {
  if (notification.method != "notifications/cancelled") return;
  const auto id = notification.params.find("requestId");
  if (id == notification.params.end()) return;
  absl::MutexLock lock(&mu_);
  const auto found = running_.find(id->dump());
  if (found != running_.end()) found->second->Cancel();
}

}  // namespace sightline::mcp
