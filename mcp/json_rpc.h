#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"

namespace sightline::mcp {

using Json = nlohmann::ordered_json;

// JSON-RPC 2.0's codes, and MCP's own.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kResourceNotFound = -32002;

// A failure of the protocol's own, e.g. a method that does not exist.
struct RpcError {
  int code = kInternalError;
  std::string message;
  Json data = nullptr;  // null = none
};

// One message from the other side. Without an id it is a notification; without a method the answer
// to a request of ours, of which there are none.
struct RpcMessage {
  Json id = nullptr;  // a string or a whole number
  std::string method;
  Json params = Json::object();

  bool is_notification() const { return id.is_null(); }
};

// Reads one message, strictly: an object, "jsonrpc" 2.0, nesting at most 64 deep. An error tells
// what is wrong; its reply has the id where one was read.
struct RpcFault {
  Json id = nullptr;
  RpcError error;
};
std::variant<RpcMessage, RpcFault> ReadRpc(absl::string_view text);

// One line each, without its end.
std::string RpcResult(const Json& id, Json result);
std::string RpcFailure(const Json& id, const RpcError& error);

}  // namespace sightline::mcp
