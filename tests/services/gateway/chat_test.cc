#include "services/gateway/chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"
#include "services/gateway/http_server.h"
#include "tests/services/gateway/fake_backend.h"
#include "tests/services/gateway/raw_http.h"
#include "tests/support/status_matchers.h"

// The routes of OpenAI's dialect through a real HTTP server, over an in-memory backend.
namespace sightline::gateway {
namespace {

namespace json = boost::json;
using ::sightline::testing::IsOk;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class ChatTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HttpOptions options;
    options.address = "127.0.0.1:0";
    auto server = HttpServer::Start(options, backend_.channel(), {});
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    at_ = server_->address();
  }

  // A collection "c" with two passages; the first holds characters of several bytes.
  void Fill() {
    ASSERT_EQ(PostJson(at_, "/v1/collections", R"({"name":"c"})").status, 201);
    ASSERT_EQ(Fetch(at_, "POST", "/v1/collections/c/documents",
                    FormText({{"file", "Die Fähre fährt um acht.\n\nFähre: nur Sommer.", "f.txt"}}),
                    {kFormType})
                  .status,
              200);
  }

  RawReply Chat(const std::string& fields) {
    return PostJson(
        at_, "/v1/chat/completions",
        R"({"model":"m","messages":[{"role":"user","content":"Fähre am Abend"}])" + fields + "}");
  }

  // The JSON of each event; the last must be [DONE].
  static std::vector<json::value> Chunks(const RawReply& reply) {
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.headers.at("content-type"), "text/event-stream");
    std::vector<json::value> out;
    bool done = false;
    for (absl::string_view event : absl::StrSplit(reply.body, "\n\n", absl::SkipEmpty())) {
      EXPECT_FALSE(done);
      EXPECT_TRUE(absl::ConsumePrefix(&event, "data: ")) << event;
      done = event == "[DONE]";
      if (!done) out.push_back(json::parse(json::string_view(event.data(), event.size())));
    }
    EXPECT_TRUE(done);
    return out;
  }

  // The texts of choice `index`, put together.
  static std::string Text(const std::vector<json::value>& chunks, int index) {
    std::string text;
    for (const json::value& chunk : chunks) {
      for (const json::value& choice : chunk.at("choices").as_array()) {
        const json::object& delta = choice.at("delta").as_object();
        if (choice.at("index") == index && delta.contains("content")) {
          text += delta.at("content").as_string().c_str();
        }
      }
    }
    return text;
  }

  FakeBackend backend_;
  std::unique_ptr<HttpServer> server_;
  std::string at_;
};

TEST_F(ChatTest, AWholeReplyHasOpenAisForm) {
  const RawReply reply = Chat(R"(,"n":2,"logprobs":true,"top_logprobs":2)");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json::value body = json::parse(reply.body);
  EXPECT_EQ(body.at("object"), "chat.completion");
  EXPECT_EQ(body.at("model"), "m");
  EXPECT_THAT(body.at("id").as_string().c_str(), HasSubstr("chatcmpl-"));
  EXPECT_GT(body.at("created").as_int64(), 1'600'000'000);
  ASSERT_EQ(body.at("choices").as_array().size(), 2u);
  const json::value& first = body.at("choices").at(0);
  EXPECT_EQ(first.at("message").at("role"), "assistant");
  EXPECT_EQ(first.at("message").at("content"), "Fähre am Abend");
  EXPECT_EQ(first.at("finish_reason"), "stop");
  EXPECT_EQ(body.at("choices").at(1).at("finish_reason"), "length");
  // Three words; the end token is no part of the text.
  const json::array& tokens = first.at("logprobs").at("content").as_array();
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(tokens[1].at("token"), " am");
  EXPECT_EQ(tokens[1].at("logprob"), -0.5);
  EXPECT_EQ(tokens[0].at("bytes").at(1), 0xC3);
  EXPECT_EQ(tokens[0].at("top_logprobs").as_array().size(), 2u);
  EXPECT_EQ(body.at("usage").at("prompt_tokens"), 11);
  EXPECT_EQ(body.at("usage").at("total_tokens"), 16);
  EXPECT_EQ(body.at("usage").at("prompt_tokens_details").at("image_tokens"), 4);
}

TEST_F(ChatTest, AStreamGivesTheSameTextsAndEndsInDone) {
  const auto chunks = Chunks(
      Chat(R"(,"n":2,"stream":true,"stream_options":{"include_usage":true},"logprobs":true)"));
  EXPECT_EQ(Text(chunks, 0), "Fähre am Abend");
  EXPECT_EQ(Text(chunks, 1), "FäHRE AM ABEND");
  const json::value& first = chunks.front();
  EXPECT_EQ(first.at("object"), "chat.completion.chunk");
  EXPECT_EQ(first.at("choices").at(0).at("delta").at("role"), "assistant");
  EXPECT_TRUE(first.at("choices").at(0).at("finish_reason").is_null());
  EXPECT_TRUE(first.at("usage").is_null());
  int roles = 0;
  for (const json::value& chunk : chunks) {
    EXPECT_EQ(chunk.at("id"), first.at("id"));
    for (const json::value& choice : chunk.at("choices").as_array()) {
      roles += choice.at("delta").as_object().contains("role") ? 1 : 0;
    }
  }
  EXPECT_EQ(roles, 2);
  const json::value& last = chunks[chunks.size() - 2];
  EXPECT_EQ(last.at("choices").at(0).at("index"), 1);
  EXPECT_EQ(last.at("choices").at(0).at("finish_reason"), "length");
  EXPECT_TRUE(last.at("choices").at(0).at("logprobs").is_null());
  EXPECT_TRUE(chunks.back().at("choices").as_array().empty());
  EXPECT_EQ(chunks.back().at("usage").at("completion_tokens"), 5);
}

TEST_F(ChatTest, EachChunkHasTheLogprobsOfItsTokens) {
  const std::string asking = R"(,"n":2,"logprobs":true,"top_logprobs":2)";
  const auto chunks = Chunks(Chat(absl::StrCat(asking, R"(,"stream":true)")));
  std::map<int64_t, json::array> streamed;
  for (const json::value& chunk : chunks) {
    const json::value& choice = chunk.at("choices").at(0);
    if (!choice.at("finish_reason").is_null()) continue;
    if (choice.at("delta").as_object().contains("role")) {
      EXPECT_TRUE(choice.at("logprobs").is_null());  // the client takes those of the first twice
      continue;
    }
    const json::array& tokens = choice.at("logprobs").at("content").as_array();
    ASSERT_EQ(tokens.size(), 1u);
    EXPECT_EQ(tokens[0].at("token"), choice.at("delta").at("content"));
    streamed[choice.at("index").as_int64()].push_back(tokens[0]);
  }
  const json::value whole = json::parse(Chat(asking).body);
  for (const int i : {0, 1}) {
    EXPECT_EQ(streamed[i].size(), 3u);
    EXPECT_EQ(streamed[i], whole.at("choices").at(i).at("logprobs").at("content").as_array());
  }
}

TEST_F(ChatTest, LogprobsThatAreNotAskedForAreNull) {
  EXPECT_TRUE(json::parse(Chat("").body).at("choices").at(0).at("logprobs").is_null());
}

constexpr char kCalling[] =
    R"(,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required")";

TEST_F(ChatTest, CallsOfToolsHaveOpenAisForm) {
  const RawReply reply = Chat(kCalling);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json::value choice = json::parse(reply.body).at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
  EXPECT_TRUE(choice.at("message").at("content").is_null());
  const json::array& calls = choice.at("message").at("tool_calls").as_array();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0], json::parse(R"({"id":"call_1","type":"function",
                                      "function":{"name":"f","arguments":"{\"a\": 1}"}})"));
}

TEST_F(ChatTest, AStreamNumbersItsCalls) {
  const auto chunks = Chunks(Chat(absl::StrCat(kCalling, R"(,"stream":true)")));
  ASSERT_EQ(chunks.size(), 3u);
  const auto call = [&](size_t i) {
    return chunks[i].at("choices").at(0).at("delta").at("tool_calls").at(0);
  };
  EXPECT_EQ(call(0).at("index"), 0);
  EXPECT_EQ(call(0).at("id"), "call_1");
  EXPECT_EQ(call(1).at("index"), 1);
  EXPECT_EQ(call(1).at("function").at("arguments"), "{\"a\": 1}");
  EXPECT_EQ(chunks[2].at("choices").at(0).at("finish_reason"), "tool_calls");
}

TEST_F(ChatTest, AGroundedReplyIsCitedInCharactersAndBytes) {
  Fill();
  const RawReply reply = Chat(R"(,"collection":"c","k":2)");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json::value body = json::parse(reply.body);
  const json::value& message = body.at("choices").at(0).at("message");
  const std::string text = message.at("content").as_string().c_str();
  ASSERT_EQ(message.at("annotations").as_array().size(), 2u);
  const json::value& second = message.at("annotations").at(1);
  EXPECT_EQ(second.at("type"), "url_citation");
  const json::value& cited = second.at("url_citation");
  const std::string span =
      text.substr(cited.at("start_byte").as_int64(),
                  cited.at("end_byte").as_int64() - cited.at("start_byte").as_int64());
  EXPECT_THAT(span, EndsWith("[2]"));
  // The text before it holds "ä" as often as it has bytes more than characters.
  const std::string before = text.substr(0, cited.at("start_byte").as_int64());
  int umlauts = 0;
  for (const char c : before) umlauts += c == '\xc3' ? 1 : 0;
  ASSERT_GT(umlauts, 0);
  EXPECT_EQ(cited.at("start_index").as_int64() + umlauts, cited.at("start_byte").as_int64());
  EXPECT_EQ(cited.at("marker"), 2);
  EXPECT_EQ(cited.at("file_id"), "f.txt");
  EXPECT_THAT(cited.at("url").as_string().c_str(), HasSubstr("/v1/passages/c%2Ff.txt%23"));
  EXPECT_EQ(cited.at("verdict"), "unsupported");
  EXPECT_EQ(body.at("sources").as_array().size(), 2u);
  EXPECT_EQ(body.at("sources").at(0).at("document_id"), "f.txt");
  EXPECT_EQ(body.at("abstained"), false);

  const auto chunks = Chunks(Chat(R"(,"collection":"c","k":2,"stream":true)"));
  EXPECT_EQ(Text(chunks, 0), text);
  const json::value& last = chunks.back();
  EXPECT_EQ(last.at("choices").at(0).at("delta").at("annotations"), message.at("annotations"));
  EXPECT_EQ(last.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(last.at("sources"), body.at("sources"));
  // A text that its checks may change is sent after them.
  const auto checked =
      Chunks(Chat(R"(,"collection":"c","k":2,"stream":true,"verdict_policy":"drop")"));
  EXPECT_EQ(checked.size(), 2u);
  EXPECT_EQ(Text(checked, 0), text);
}

TEST_F(ChatTest, NothingFoundIsSaid) {
  Fill();
  const RawReply reply =
      PostJson(at_, "/v1/chat/completions",
               R"({"messages":[{"role":"user","content":"xyz"}],"collection":"c"})");
  const json::value body = json::parse(reply.body);
  EXPECT_EQ(body.at("abstained"), true);
  EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(Chunks(PostJson(at_, "/v1/chat/completions",
                            R"({"messages":[{"role":"user","content":"xyz"}],"collection":"c",
                                "stream":true})"))
                .back()
                .at("abstained"),
            true);
}

TEST_F(ChatTest, FailuresHaveOpenAisForm) {
  const RawReply wrong = Chat(R"(,"temperature":"hot","stream":true)");
  EXPECT_EQ(wrong.status, 400);
  const json::value body = json::parse(wrong.body);
  EXPECT_EQ(body.at("error").at("param"), "temperature");
  EXPECT_EQ(body.at("error").at("type"), "invalid_request_error");
  EXPECT_EQ(Chat(R"(,"collection":"none")").status, 404);
  EXPECT_EQ(Chat(R"(,"collection":"none","stream":true)").status, 404);
  backend_.before_query = [](grpc::ServerContext&) {
    return edge::ToGrpcStatus(edge::WithReason(
        absl::FailedPreconditionError("the model folder holds no generator"), "no_generator"));
  };
  for (const char* stream : {"", R"(,"stream":true)"}) {
    const RawReply refused = Chat(stream);
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(json::parse(refused.body).at("error").at("code"), "no_generator");
  }
}

TEST_F(ChatTest, AClientThatLeavesEndsTheGeneration) {
  backend_.word_delay_ms = 5;
  backend_.least_words = 1 << 30;
  int gone = 0;
  for (const char* stream : {"true", "false"}) {
    RawConnection connection(at_);
    connection.Send(RequestText(
        "POST", "/v1/chat/completions",
        std::string(R"({"messages":[{"role":"user","content":"a b c"}],"stream":)") + stream + "}",
        {"Content-Type: application/json"}));
    const int sent = backend_.words_sent;
    for (int i = 0; i < 1000 && backend_.words_sent < sent + 3; ++i) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    connection.Close();
    ++gone;
    for (int i = 0; i < 1000 && backend_.cancelled < gone; ++i) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    EXPECT_EQ(backend_.cancelled, gone);
  }
}

TEST_F(ChatTest, AFormAsksAboutAPicture) {
  const RawReply reply =
      Fetch(at_, "POST", "/v1/chat/vision",
            FormText({{"prompt", "Which ship?", ""}, {"image_file", "ABC", "a.png"}}), {kFormType});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"result":"Which ship?"})");
  EXPECT_EQ(backend_.last_generate().messages(0).content(0).image(), "ABC");
  EXPECT_EQ(
      Fetch(at_, "POST", "/v1/chat/vision", FormText({{"prompt", "Which ship?", ""}}), {kFormType})
          .status,
      400);
}

TEST_F(ChatTest, RerankOrdersTheDocuments) {
  const RawReply reply = PostJson(at_, "/v1/rerank", R"({"query":"red boat","model":"x",
      "documents":["a house",{"text":"a red boat"},{"text":"red"}],"top_n":2,
      "return_documents":true})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json::value body = json::parse(reply.body);
  ASSERT_EQ(body.at("results").as_array().size(), 2u);
  EXPECT_EQ(body.at("results").at(0).at("index"), 1);
  EXPECT_EQ(body.at("results").at(0).at("relevance_score"), 1);
  EXPECT_EQ(body.at("results").at(0).at("document").at("text"), "a red boat");
  EXPECT_EQ(body.at("results").at(1).at("index"), 2);
  EXPECT_EQ(body.at("model"), "fake-reranker");

  EXPECT_EQ(PostJson(at_, "/v1/rerank", R"({"query":"a","documents":[1]})").status, 400);
  EXPECT_EQ(PostJson(at_, "/v1/rerank", R"({"documents":["a"]})").status, 400);
  backend_.has_reranker = false;
  const RawReply none = PostJson(at_, "/v1/rerank", R"({"query":"a","documents":["a"]})");
  EXPECT_EQ(none.status, 400);
  EXPECT_EQ(json::parse(none.body).at("error").at("code"), "no_reranker");
}

TEST_F(ChatTest, LocateTakesAPictureAndWords) {
  const RawReply reply = PostJson(at_, "/v1/locate", R"({"text":"the red boat",
      "image":"data:image/png;base64,QUJD"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body,
            R"({"places":[{"box":[0.0,0.0,0.5,1.0],"says":"ABC: the red boat","agreement":1.0}],)"
            R"("model":"fake-generator",)"
            R"("usage":{"prompt_tokens":3,"completion_tokens":0,"image_tokens":0}})");
  const std::vector<std::pair<const char*, const char*>> wrong = {
      {R"({"text":"a"})", "image"},
      {R"({"image":"data:image/png;base64,QUJD"})", "text"},
      {R"({"text":"","image":"data:image/png;base64,QUJD"})", "text"},
      {R"({"text":"a","image":"ftp://a/b.png"})", "image"},
      {R"({"text":"a","image":7})", "image"},
      {R"({"text":"a","image":"data:image/png;base64,QUJD","k":1})", "k"}};
  for (const auto& [body, field] : wrong) {
    const RawReply refused = PostJson(at_, "/v1/locate", body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_THAT(refused.body, HasSubstr(field)) << body;
  }
}

TEST_F(ChatTest, EmbeddingsTakePicturesToo) {
  const RawReply reply = PostJson(at_, "/v1/embeddings", R"({"model":"m","made_up":1,"input":[
      "a",{"text":"b","image":"data:image/png;base64,QUJD"},
      {"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]}],
      "dimensions":2})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  v1::EmbedRequest sent = backend_.last_embed();
  ASSERT_EQ(sent.inputs_size(), 3);
  EXPECT_EQ(sent.inputs(1).content(0).text(), "b");
  EXPECT_EQ(sent.inputs(1).content(1).image(), "ABC");
  EXPECT_EQ(sent.inputs(2).content(0).image(), "ABC");
  EXPECT_EQ(sent.dimension(), 2);

  ASSERT_EQ(PostJson(at_, "/v1/embeddings", R"({"messages":[{"role":"system","content":"find"},
      {"role":"user","content":[{"type":"text","text":"b"}]}]})")
                .status,
            200);
  sent = backend_.last_embed();
  ASSERT_EQ(sent.inputs_size(), 1);
  EXPECT_EQ(sent.instruction(), "find");
  EXPECT_EQ(sent.inputs(0).content(0).text(), "b");
  EXPECT_EQ(PostJson(at_, "/v1/embeddings", R"({"input":[{"image":"cat.png"}]})").status, 400);
  EXPECT_EQ(PostJson(at_, "/v1/embeddings", R"({"input":"a","model":1})").status, 400);
}

TEST_F(ChatTest, AModelIsFoundByItsName) {
  const RawReply found = Fetch(at_, "GET", "/v1/models/fake-generator");
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(json::parse(found.body).at("role"), "generator");
  const RawReply none = Fetch(at_, "GET", "/v1/models/gpt-4o");
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(json::parse(none.body).at("error").at("code"), "model_not_found");
}

}  // namespace
}  // namespace sightline::gateway
