#include "mcp/json_rpc.h"

#include <gtest/gtest.h>

namespace sightline::mcp {
namespace {

// The code of what is refused, 0 for a message.
int CodeOf(const std::string& text) {
  const auto read = ReadRpc(text);
  const auto* fault = std::get_if<RpcFault>(&read);
  return fault == nullptr ? 0 : fault->error.code;
}

TEST(ReadRpcTest, ReadsRequestsAndNotifications) {
  const auto request =
      std::get<RpcMessage>(ReadRpc(R"({"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}})"));
  EXPECT_EQ(request.id, "a");
  EXPECT_EQ(request.method, "m");
  EXPECT_EQ(request.params["x"], 1);
  EXPECT_FALSE(request.is_notification());
  EXPECT_TRUE(std::get<RpcMessage>(ReadRpc(R"({"jsonrpc":"2.0","method":"m"})")).is_notification());
  EXPECT_TRUE(
      std::get<RpcMessage>(ReadRpc(R"({"jsonrpc":"2.0","id":1,"result":{}})")).is_notification());
}

TEST(ReadRpcTest, WhatIsWrongHasItsCode) {
  EXPECT_EQ(CodeOf(""), kParseError);
  EXPECT_EQ(CodeOf(R"({"jsonrpc":"2.0")"), kParseError);
  EXPECT_EQ(CodeOf("\"\xff\""), kParseError);
  EXPECT_EQ(CodeOf(std::string(100'000, '[')), kParseError);
  EXPECT_EQ(CodeOf(std::string(65, '[') + std::string(65, ']')), kParseError);
  EXPECT_EQ(CodeOf(std::string(64, '[') + "1" + std::string(64, ']')), kInvalidRequest);
  EXPECT_EQ(CodeOf(R"([{"jsonrpc":"2.0","id":1,"method":"m"}])"), kInvalidRequest);
  EXPECT_EQ(CodeOf(R"({"id":1,"method":"m"})"), kInvalidRequest);
  EXPECT_EQ(CodeOf(R"({"jsonrpc":2.0,"id":1,"method":"m"})"), kInvalidRequest);
  EXPECT_EQ(CodeOf(R"({"jsonrpc":"2.0","id":null,"method":"m"})"), kInvalidRequest);
  EXPECT_EQ(CodeOf(R"({"jsonrpc":"2.0","id":1.5,"method":"m"})"), kInvalidRequest);
  EXPECT_EQ(CodeOf(R"({"jsonrpc":"2.0","id":1,"method":3})"), kInvalidRequest);
  EXPECT_EQ(CodeOf(R"({"jsonrpc":"2.0","id":1})"), kInvalidRequest);
  EXPECT_EQ(CodeOf(R"({"jsonrpc":"2.0","id":1,"method":"m","params":[1]})"), kInvalidParams);
}

TEST(RpcReplyTest, IsOneLineWhateverItHolds) {
  EXPECT_EQ(RpcResult(7, {{"text", "a\nb\xff"}}),
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"text\":\"a\\nb\xEF\xBF\xBD\"}}");
  EXPECT_EQ(
      RpcFailure(nullptr, {kParseError, "no", {{"reason", "r"}}}),
      R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no","data":{"reason":"r"}}})");
}

}  // namespace
}  // namespace sightline::mcp
