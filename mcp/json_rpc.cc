#include "mcp/json_rpc.h"

#include <utility>

namespace sightline::mcp {
namespace {

constexpr int kMaxDepth = 64;

RpcFault Fault(Json id, int code, std::string message) {
  return {std::move(id), {code, std::move(message)}};
}

std::string Line(const Json& message) {
  return message.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::variant<RpcMessage, RpcFault> ReadRpc(absl::string_view text) {
  bool deep = false;
  // `depth` counts what stands around.
  const auto watch = [&](int depth, Json::parse_event_t event, Json&) {
    const bool opens =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    deep = deep || (opens && depth >= kMaxDepth);
    return !deep;
  };
  // The parser does not recurse: depth costs memory only, which the text bounds.
  const Json json = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (json.is_discarded() || deep) {
    return Fault(nullptr, kParseError, deep ? "nested too deep" : "not a JSON text");
  }
  if (!json.is_object()) {
    return Fault(nullptr, kInvalidRequest, "expected one JSON-RPC message, an object");
  }
  RpcMessage message;
  if (const auto id = json.find("id"); id != json.end()) {
    if (!id->is_string() && !id->is_number_integer()) {
      return Fault(nullptr, kInvalidRequest, "an id is a string or a whole number");
    }
    message.id = *id;
  }
  if (json.value("jsonrpc", Json()) != "2.0") {
    return Fault(message.id, kInvalidRequest, "expected \"jsonrpc\": \"2.0\"");
  }
  const auto method = json.find("method");
  if (method == json.end()) {
    if (json.contains("result") || json.contains("error")) {
      message.id = nullptr;  // an answer asks for none
      return message;
    }
    return Fault(message.id, kInvalidRequest, "the method is missing");
  }
  if (!method->is_string()) return Fault(message.id, kInvalidRequest, "a method is a string");
  message.method = method->get<std::string>();
  if (const auto params = json.find("params"); params != json.end()) {
    if (!params->is_object()) return Fault(message.id, kInvalidParams, "params is an object");
    message.params = *params;
  }
  return message;
}

std::string RpcResult(const Json& id, Json result) {
  return Line({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}});
}

std::string RpcFailure(const Json& id, const RpcError& error) {
  Json body = {{"code", error.code}, {"message", error.message}};
  if (!error.data.is_null()) body["data"] = error.data;
  return Line({{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(body)}});
}

}  // namespace sightline::mcp
