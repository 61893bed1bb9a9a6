#include "mcp/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/gateway/http_server.h"
#include "tests/services/gateway/fake_backend.h"
#include "tests/services/gateway/raw_http.h"
#include "tests/support/status_matchers.h"

namespace sightline::mcp {
namespace {

using ::sightline::testing::IsOk;
using ::testing::HasSubstr;

// A server over an in-memory backend with a collection "c" of one text and one picture.
class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    gateway::HttpOptions options;
    options.address = "127.0.0.1:0";
    gateway::ServerState state;
    state.version = "1.2";
    auto http = gateway::HttpServer::Start(options, backend_.channel(), state);
    ASSERT_THAT(http, IsOk());
    http_ = *std::move(http);
    ASSERT_EQ(gateway::PostJson(http_->address(), "/v1/collections", R"({"name":"c"})").status,
              201);
    ASSERT_EQ(gateway::Fetch(http_->address(), "POST", "/v1/collections/c/documents",
                             gateway::FormText({{"file", "Boats leave at eight.", "guide.txt"},
                                                {"file", "\x89PNG boats", "boats.png"}}),
                             {gateway::kFormType})
                  .status,
              200);
  }

  static std::string Text(const Json& id, const std::string& method, const Json& params) {
    return Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}.dump();
  }
  // The reply of one request.
  Json Ask(const std::string& method, const Json& params = Json::object()) {
    const auto work = server_.Accept(Text(1, method, params));
    const auto line = work();
    return line.has_value() ? Json::parse(*line) : Json();
  }
  Json Tool(const std::string& name, const Json& arguments) {
    return Ask("tools/call", {{"name", name}, {"arguments", arguments}})["result"];
  }
  // Waits until the backend saw one call end early.
  bool EndsOne() {
    for (int i = 0; i < 1000 && backend_.cancelled == 0; ++i) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    return backend_.cancelled == 1;
  }

  gateway::FakeBackend backend_;
  std::unique_ptr<gateway::HttpServer> http_;
  Server server_{backend_.channel(), {.version = "1.2", .authorization = {}}};
};

TEST_F(ServerTest, AgreesOnARevision) {
  const auto agreed = [&](const std::string& wanted) {
    return Ask("initialize", {{"protocolVersion", wanted}})["result"]["protocolVersion"];
  };
  EXPECT_EQ(agreed("2025-06-18"), "2025-06-18");
  EXPECT_EQ(agreed("2024-11-05"), "2024-11-05");
  EXPECT_EQ(agreed("2031-01-01"), "2025-11-25");
  const Json result = Ask("initialize", {{"protocolVersion", "2025-11-25"}})["result"];
  EXPECT_EQ(result["serverInfo"]["version"], "1.2");
  EXPECT_TRUE(result["capabilities"].contains("tools"));
  EXPECT_EQ(Ask("initialize")["error"]["code"], kInvalidParams);
  EXPECT_EQ(Ask("ping")["result"], Json::object());
  EXPECT_EQ(Ask("prompts/list")["error"]["code"], kMethodNotFound);
  EXPECT_EQ(server_.Accept(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"), nullptr);
}

TEST_F(ServerTest, ToolsFindAnswerAndRead) {
  EXPECT_EQ(Ask("tools/list")["result"]["tools"].size(), 4u);
  EXPECT_EQ(Tool("list_collections", Json::object())["structuredContent"]["collections"][0]["name"],
            "c");
  const Json found = Tool("search", {{"query", "boats"}, {"collection", "c"}, {"k", 5}});
  EXPECT_EQ(found["structuredContent"]["hits"].size(), 2u);
  EXPECT_EQ(Json::parse(found["content"][0]["text"].get<std::string>()),
            found["structuredContent"]);
  EXPECT_EQ(found["content"][1]["type"], "resource_link");
  EXPECT_EQ(found["content"][1]["uri"], "sightline://passages/c%2fboats.png%230/image");
  const Json answer = Tool("ask", {{"question", "boats eight"}, {"collection", "c"}});
  EXPECT_THAT(answer["structuredContent"]["answer"].get<std::string>(), HasSubstr("eight. [1]"));
  const Json history = Json::array(
      {{{"role", "user"}, {"content", "boats?"}}, {{"role", "assistant"}, {"content", "Yes."}}});
  Tool("ask", {{"question", "eight"}, {"collection", "c"}, {"history", history}});
  EXPECT_EQ(backend_.last_answer().search().history_size(), 2);
  EXPECT_EQ(backend_.last_answer().search().history(1).content(0).text(), "Yes.");
  const Json passage = Tool("get_passage", {{"passage_id", "c/boats.png#0"}, {"with_image", true}});
  EXPECT_EQ(passage["structuredContent"]["source"], "boats.png");
  EXPECT_EQ(passage["content"][1]["type"], "image");
  EXPECT_EQ(passage["content"][1]["mimeType"], "image/png");
}

TEST_F(ServerTest, AModelIsToldWhatIsWrongWithItsCall) {
  const auto fault = [&](const std::string& name, const Json& arguments) {
    const Json result = Tool(name, arguments);
    EXPECT_EQ(result["isError"], true);
    return result["content"][0]["text"].get<std::string>();
  };
  EXPECT_THAT(fault("search", {{"query", "boats"}}), HasSubstr("collection"));
  EXPECT_THAT(fault("search", {{"collection", "c"}}), HasSubstr("query"));
  EXPECT_THAT(fault("search", {{"query", 3}, {"collection", "c"}}), HasSubstr("type string"));
  EXPECT_THAT(fault("search", {{"query", "a"}, {"collection", "c"}, {"k", 0}}), HasSubstr("k: "));
  EXPECT_THAT(fault("search", {{"query", "a"}, {"collection", "c"}, {"x", 0}}), HasSubstr("x: "));
  EXPECT_THAT(fault("search", {{"image", "/etc/passwd"}, {"collection", "c"}}), HasSubstr("data:"));
  EXPECT_THAT(fault("ask", {{"question", "a"}, {"collection", "c"}, {"history", "x"}}),
              HasSubstr("type array"));
  const Json stranger = Json::array({{{"role", "king"}, {"content", "x"}}});
  EXPECT_THAT(fault("ask", {{"question", "a"}, {"collection", "c"}, {"history", stranger}}),
              HasSubstr("history[0].role: expected user or assistant"));
  EXPECT_THAT(fault("search", {{"query", "a"}, {"collection", "d"}}),
              HasSubstr("collection_not_found: "));
  EXPECT_EQ(Ask("tools/call", {{"name", "drop"}})["error"]["code"], kInvalidParams);
  EXPECT_EQ(Ask("tools/call")["error"]["code"], kInvalidParams);
}

TEST_F(ServerTest, ResourcesAreListedAndRead) {
  EXPECT_EQ(Ask("resources/list")["result"]["resources"][0]["uri"], "sightline://collections/c");
  EXPECT_EQ(Ask("resources/templates/list")["result"]["resourceTemplates"].size(), 3u);
  const auto read = [&](const std::string& uri) { return Ask("resources/read", {{"uri", uri}}); };
  const Json picture =
      read("sightline://passages/c%2Fboats.png%230/image")["result"]["contents"][0];
  EXPECT_EQ(picture["mimeType"], "image/png");
  EXPECT_EQ(picture["blob"], "iVBORyBib2F0cw==");
  const Json passage = read("sightline://passages/c%2Fguide.txt%230")["result"]["contents"][0];
  EXPECT_THAT(passage["text"].get<std::string>(), HasSubstr("Boats leave"));
  EXPECT_EQ(read("sightline://collections/c")["result"]["contents"].size(), 1u);
  const Json none = read("sightline://passages/none")["error"];
  EXPECT_EQ(none["code"], kResourceNotFound);
  EXPECT_EQ(none["data"]["reason"], "passage_not_found");
  for (const char* uri : {"file:///etc/passwd", "sightline://", "sightline://passages/%2",
                          "sightline://passages/a/b", "sightline://drawers/a"}) {
    EXPECT_EQ(read(uri)["error"]["code"], kResourceNotFound) << uri;
  }
  EXPECT_EQ(Ask("resources/read")["error"]["code"], kInvalidParams);
}

TEST_F(ServerTest, ACancelledRequestIsNotAnswered) {
  backend_.word_delay_ms = 5;
  backend_.least_words = 1 << 30;
  const auto work = server_.Accept(
      Text("long", "tools/call",
           {{"name", "ask"}, {"arguments", {{"question", "boats"}, {"collection", "c"}}}}));
  std::thread cancel([&] {
    while (backend_.words_sent < 3) absl::SleepFor(absl::Milliseconds(5));
    server_.Accept(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{
                       "requestId":"other"}})");
    server_.Accept(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{
                       "requestId":"long","reason":"enough"}})");
  });
  EXPECT_FALSE(work().has_value());
  cancel.join();
  EXPECT_TRUE(EndsOne());
}

TEST_F(ServerTest, TwoRequestsOfOneIdAreNotTaken) {
  const auto first = server_.Accept(Text(1, "ping", Json::object()));
  const auto second = server_.Accept(Text(1, "ping", Json::object()));
  EXPECT_EQ(Json::parse(*second())["error"]["code"], kInvalidRequest);
  EXPECT_TRUE(Json::parse(*first()).contains("result"));
  EXPECT_TRUE(Ask("ping").contains("result"));
}

TEST_F(ServerTest, TheGatewaySpeaksItToo) {
  const auto post = [&](const std::string& text) {
    return gateway::PostJson(http_->address(), "/mcp", text);
  };
  const gateway::RawReply found =
      post(Text(4, "tools/call",
                {{"name", "search"}, {"arguments", {{"query", "boats"}, {"collection", "c"}}}}));
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(found.headers.at("content-type"), "application/json");
  EXPECT_EQ(Json::parse(found.body)["id"], 4);
  EXPECT_EQ(Json::parse(found.body)["result"]["structuredContent"]["hits"].size(), 2u);
  EXPECT_EQ(post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})").status, 202);
  EXPECT_EQ(Json::parse(post("[]").body)["error"]["code"], kInvalidRequest);
  EXPECT_EQ(gateway::Fetch(http_->address(), "GET", "/mcp").status, 405);
  EXPECT_EQ(gateway::Fetch(http_->address(), "POST", "/mcp", "{}").status, 415);
}

TEST_F(ServerTest, AClosedConnectionEndsItsRequest) {
  backend_.word_delay_ms = 5;
  backend_.least_words = 1 << 30;
  gateway::RawConnection connection(http_->address());
  connection.Send(gateway::RequestText(
      "POST", "/mcp",
      Text(1, "tools/call",
           {{"name", "ask"}, {"arguments", {{"question", "boats"}, {"collection", "c"}}}}),
      {"Content-Type: application/json"}));
  while (backend_.words_sent < 3) absl::SleepFor(absl::Milliseconds(5));
  connection.Close();
  EXPECT_TRUE(EndsOne());
}

}  // namespace
}  // namespace sightline::mcp
