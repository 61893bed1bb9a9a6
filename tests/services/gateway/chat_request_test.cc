#include "services/gateway/chat_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/edge/error_details.h"
#include "tests/services/gateway/raw_http.h"
#include "tests/support/status_matchers.h"

namespace sightline::gateway {
namespace {

using ::sightline::testing::IsOk;
using ::testing::ElementsAre;

Request ChatBody(std::string body) {
  Request request;
  request.content_type = "application/json";
  request.body = std::move(body);
  request.deadline = absl::InfiniteFuture();
  request.max_timeout = absl::Minutes(1);
  return request;
}

// A question and `fields`, which begin with a comma.
Request Asking(const std::string& fields) {
  return ChatBody(R"({"messages":[{"role":"user","content":"hi"}])" + fields + "}");
}

// "FIELD REASON" of what ReadChat refuses.
std::string Refusal(const Request& request) {
  const absl::Status status = ReadChat(request).status();
  const auto fields = edge::Fields(status);
  return (fields.empty() ? "" : fields[0].field) + " " + edge::Reason(status);
}

TEST(ReadChatTest, ReadsEveryField) {
  ASSERT_OK_AND_ASSIGN(const ChatRequest chat, ReadChat(ChatBody(R"({"model":"m","messages":[
      {"role":"developer","content":"Be brief."},
      {"role":"system","content":[{"type":"text","text":"Be kind."}]},
      {"role":"user","content":[{"type":"text","text":"Which?"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD","detail":"low"}},
        {"type":"image_url","image_url":"https://host/a.png"}]},
      {"role":"assistant","content":"This.","refusal":null},
      {"role":"user","content":"Why?","name":"ann"}],
      "stream":true,"stream_options":{"include_usage":true},"n":2,"seed":-1,"stop":"x",
      "temperature":0,"top_p":0.5,"presence_penalty":1,"frequency_penalty":-1,
      "logit_bias":{"7":-100},"logprobs":true,"top_logprobs":3,"max_tokens":9,
      "max_completion_tokens":8,"user":"u","store":true,"tools":[],"tool_choice":"none",
      "modalities":["text"],"made_up":{}})")));
  EXPECT_EQ(chat.model, "m");
  EXPECT_TRUE(chat.stream);
  EXPECT_TRUE(chat.include_usage);
  EXPECT_TRUE(chat.logprobs);
  EXPECT_EQ(chat.choices(), 2);
  ASSERT_FALSE(chat.grounded());
  const auto& call = std::get<v1::GenerateRequest>(chat.call);
  ASSERT_EQ(call.messages_size(), 4);
  EXPECT_EQ(call.messages(0).role(), "system");
  ASSERT_EQ(call.messages(0).content_size(), 3);
  EXPECT_EQ(call.messages(0).content(2).text(), "Be kind.");
  EXPECT_EQ(call.messages(1).content(1).image(), "ABC");
  EXPECT_EQ(call.messages(1).content(2).image_uri(), "https://host/a.png");
  EXPECT_EQ(call.messages(2).role(), "assistant");
  EXPECT_EQ(call.logprobs(), 3);
  const v1::SamplingOptions& sampling = call.sampling();
  EXPECT_EQ(sampling.seed(), ~uint64_t{0});
  EXPECT_THAT(sampling.stop(), ElementsAre("x"));
  EXPECT_EQ(sampling.temperature(), 0);
  EXPECT_EQ(sampling.frequency_penalty(), -1);
  EXPECT_EQ(sampling.logit_bias().at(7), -100);
  EXPECT_EQ(sampling.max_tokens(), 8);
}

TEST(ReadChatTest, ReadsTheThreeFormats) {
  const auto schema = [](const std::string& format) {
    const auto chat = ReadChat(Asking(R"(,"response_format":)" + format));
    EXPECT_THAT(chat, IsOk());
    return chat.ok() ? std::get<v1::GenerateRequest>(chat->call).json_schema() : "";
  };
  EXPECT_EQ(schema(R"({"type":"text"})"), "");
  EXPECT_EQ(schema(R"({"type":"json_object"})"), R"({"type":"object"})");
  EXPECT_EQ(schema(R"({"type":"json_schema","json_schema":{"name":"n","strict":true,
                       "schema":{"type":"integer"}}})"),
            R"({"type":"integer"})");
}

TEST(ReadChatTest, ACollectionMakesTheLastMessageItsQuestion) {
  ASSERT_OK_AND_ASSIGN(const ChatRequest chat, ReadChat(ChatBody(R"({"messages":[
      {"role":"system","content":"Be brief."},
      {"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}},
                                {"type":"text","text":"Which?"}]}],
      "collection":"c","k":3,"filter":"a = 1","answer_mode":"extractive","verdict_policy":"drop",
      "max_tokens":5})")));
  ASSERT_TRUE(chat.grounded());
  const auto& call = std::get<v1::SearchAndAnswerRequest>(chat.call);
  EXPECT_EQ(call.search().collection(), "c");
  ASSERT_EQ(call.search().query_size(), 2);
  EXPECT_EQ(call.search().query(0).image(), "ABC");
  EXPECT_EQ(call.search().query(1).text(), "Which?");
  EXPECT_EQ(call.search().k(), 3);
  EXPECT_EQ(call.search().filter(), "a = 1");
  EXPECT_EQ(call.mode(), v1::ANSWER_MODE_EXTRACTIVE);
  EXPECT_EQ(call.verdict_policy(), v1::VERDICT_POLICY_DROP);
  EXPECT_EQ(call.sampling().max_tokens(), 5);
  EXPECT_EQ(chat.warnings.size(), 1u);
}

TEST(ReadChatTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(Refusal(ChatBody("{}")), "messages missing_field");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[]})")), "messages missing_field");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[{"role":"user"}]})")),
            "messages[0].content missing_field");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[{"role":"king","content":"a"}]})")),
            "messages[0].role invalid_field");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[{"role":"user","content":"a"},
                                             {"role":"system","content":"b"}]})")),
            "messages[1].role invalid_field");
  EXPECT_EQ(
      Refusal(ChatBody(R"({"messages":[{"role":"user","content":[{"type":"text","text":1}]}]})")),
      "messages[0].content[0].text invalid_field");
  EXPECT_EQ(
      Refusal(ChatBody(R"({"messages":[{"role":"user","content":[{"type":"input_audio"}]}]})")),
      "messages[0].content[0].type unsupported_parameter");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[{"role":"assistant","content":[
                {"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]}]})")),
            "messages[0].content[0] invalid_field");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[{"role":"user","content":[
                {"type":"image_url","image_url":{"url":"ftp://host/a.png"}}]}]})")),
            "messages[0].content[0].image_url.url url_not_allowed");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[{"role":"tool","content":"a","tool_call_id":"t"}]})")),
            "messages[0].tool_call_id invalid_field");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[{"role":"tool","content":"a"}]})")),
            "messages[0].tool_call_id missing_field");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[{"role":"user","content":"a","tool_calls":[]}]})")),
            "messages[0].tool_calls invalid_field");
  EXPECT_EQ(Refusal(ChatBody(R"({"messages":[{"role":"assistant","tool_calls":[{"id":"t",
                "type":"function","function":{"name":"f","arguments":{}}}]}]})")),
            "messages[0].tool_calls[0].function.arguments invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"functions":[{"name":"f"}])")), "functions unsupported_parameter");
  EXPECT_EQ(Refusal(Asking(R"(,"tools":[{"type":"web_search"}])")),
            "tools[0].type unsupported_parameter");
  EXPECT_EQ(Refusal(Asking(R"(,"tools":{})")), "tools invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"tool_choice":"required")")), "tool_choice conflict");
  EXPECT_EQ(Refusal(Asking(R"(,"tool_choice":"maybe")")), "tool_choice invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"parallel_tool_calls":false,
                "tools":[{"type":"function","function":{"name":"f"}}])")),
            "parallel_tool_calls unsupported_parameter");
  EXPECT_EQ(Refusal(Asking(R"(,"collection":"c",
                "tools":[{"type":"function","function":{"name":"f"}}])")),
            "tools unsupported_parameter");
  EXPECT_EQ(Refusal(Asking(R"(,"modalities":["text","audio"])")),
            "modalities unsupported_parameter");
  EXPECT_EQ(Refusal(Asking(R"(,"temperature":"0")")), "temperature invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"n":0)")), "n invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"n":1.5)")), "n invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"stop":[1])")), "stop[0] invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"model":3)")), "model invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"logit_bias":{"a":1})")), "logit_bias invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"top_logprobs":1)")), "top_logprobs conflict");
  EXPECT_EQ(Refusal(Asking(R"(,"stream_options":{})")), "stream_options conflict");
  EXPECT_EQ(Refusal(Asking(R"(,"response_format":{"type":"json_schema"})")),
            "response_format.json_schema.schema missing_field");
  EXPECT_EQ(Refusal(Asking(R"(,"response_format":{"type":"xml"})")),
            "response_format.type invalid_field");
  EXPECT_EQ(Refusal(Asking(R"(,"collection":"c","n":2)")), "n conflict");
  EXPECT_EQ(Refusal(Asking(R"(,"collection":"c","adapter":"shop")")),
            "adapter unsupported_parameter");
  EXPECT_EQ(Refusal(Asking(R"(,"collection":"c","logprobs":true)")), "logprobs conflict");
}

TEST(ReadChatTest, ToolsCallsAndTheirResultsArePassedOn) {
  ASSERT_OK_AND_ASSIGN(const ChatRequest chat, ReadChat(ChatBody(R"({"messages":[
      {"role":"user","content":"q"},
      {"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function",
        "function":{"name":"f","arguments":"{ \"a\":1 }"}}]},
      {"role":"tool","tool_call_id":"t","content":"12"}],
      "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],
      "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false})")));
  const auto& call = std::get<v1::GenerateRequest>(chat.call);
  ASSERT_EQ(call.messages_size(), 3);
  EXPECT_EQ(call.messages(1).content_size(), 0);
  ASSERT_EQ(call.messages(1).tool_calls_size(), 1);
  EXPECT_EQ(call.messages(1).tool_calls(0).arguments(), R"({ "a":1 })");
  EXPECT_EQ(call.messages(2).role(), "tool");
  EXPECT_EQ(call.messages(2).content(0).text(), "12");
  EXPECT_THAT(call.tools(), ElementsAre(R"({"type":"function","function":{"name":"f",)"
                                        R"("parameters":{"type":"object"}}})"));
  EXPECT_EQ(call.tool_choice(), v1::TOOL_CHOICE_REQUIRED);
  EXPECT_EQ(call.tool_name(), "f");
}

TEST(ReadChatTest, ToolsThatMayNotBeCalledAreNotShown) {
  ASSERT_OK_AND_ASSIGN(
      const ChatRequest chat,
      ReadChat(Asking(
          R"(,"tool_choice":"none","tools":[{"type":"function","function":{"name":"f"}}])")));
  EXPECT_EQ(std::get<v1::GenerateRequest>(chat.call).tools_size(), 0);
}

TEST(ReadChatTest, WithACollectionEarlierMessagesAreTheHistory) {
  ASSERT_OK_AND_ASSIGN(const ChatRequest chat, ReadChat(ChatBody(R"({"messages":[
      {"role":"user","content":[{"type":"text","text":"What is it?"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]},
      {"role":"assistant","content":"A cup [1]."},
      {"role":"user","content":"And who makes it?"}],"collection":"c"})")));
  const v1::SearchRequest& search = std::get<v1::SearchAndAnswerRequest>(chat.call).search();
  ASSERT_EQ(search.query_size(), 1);
  EXPECT_EQ(search.query(0).text(), "And who makes it?");
  ASSERT_EQ(search.history_size(), 2);
  EXPECT_EQ(search.history(0).role(), "user");
  EXPECT_EQ(search.history(0).content(1).image(), "ABC");
  EXPECT_EQ(search.history(1).content(0).text(), "A cup [1].");
  EXPECT_TRUE(chat.warnings.empty());
}

TEST(ReadVisionFormTest, PutsThePicturesBeforeThePrompt) {
  Request request = ChatBody(FormText({{"prompt", "Which?", ""}, {"image_file", "ABC", "a.png"}}));
  request.content_type = "multipart/form-data; boundary=frontier";
  ASSERT_OK_AND_ASSIGN(const ChatRequest chat, ReadVisionForm(request));
  const auto& call = std::get<v1::GenerateRequest>(chat.call);
  ASSERT_EQ(call.messages_size(), 1);
  EXPECT_EQ(call.messages(0).content(0).image(), "ABC");
  EXPECT_EQ(call.messages(0).content(1).text(), "Which?");
}

}  // namespace
}  // namespace sightline::gateway
