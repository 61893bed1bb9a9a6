#include "services/query/tools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/edge/error_details.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kWeather[] =
    R"({"type":"function","function":{"name":"weather","parameters":{"type":"object",)"
    R"("properties":{"city":{"$ref":"#/$defs/City"}},"required":["city"],)"
    R"("$defs":{"City":{"enum":["Rom"]}}}}})";
constexpr char kStock[] = R"({"type":"function","function":{"name":"stock"}})";

std::vector<Tool> Tools(std::initializer_list<const char*> texts) {
  google::protobuf::RepeatedPtrField<std::string> given;
  for (const char* text : texts) *given.Add() = text;
  return ReadTools(given, "tools").value();
}

TEST(ReadToolsTest, DeclarationsAreShownAsTemplatesWriteThem) {
  const std::vector<Tool> tools = Tools({kStock});
  ASSERT_THAT(tools, SizeIs(1));
  EXPECT_EQ(tools[0].name, "stock");
  EXPECT_EQ(tools[0].shown, R"({"type": "function", "function": {"name": "stock"}})");
  EXPECT_EQ(tools[0].parameters, R"({"type":"object"})");
}

TEST(ReadToolsTest, WhatIsNoToolIsRefusedByName) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"{"}, "tools[0]"},
      {{"[]"}, "tools[0]"},
      {{R"({"type":"function"})"}, "tools[0]"},
      {{R"({"function":{"name":"a b"}})"}, "tools[0].function.name"},
      {{R"({"function":{"name":"a","parameters":[]}})"}, "tools[0].function.parameters"},
      {{kStock, kStock}, "tools[1].function.name"},
  };
  for (const auto& [texts, field] : cases) {
    const google::protobuf::RepeatedPtrField<std::string> given(texts.begin(), texts.end());
    const auto tools = ReadTools(given, "tools");
    ASSERT_FALSE(tools.ok()) << field;
    EXPECT_EQ(edge::Reason(tools.status()), "bad_tool");
    EXPECT_EQ(edge::Fields(tools.status())[0].field, field);
  }
  google::protobuf::RepeatedPtrField<std::string> many;
  for (int i = 0; i <= kMaxTools; ++i) *many.Add() = kStock;
  EXPECT_EQ(edge::Reason(ReadTools(many, "tools").status()), "too_many_tools");
}

TEST(CallSchemaTest, NamesEachToolWithItsParametersAndTheirReferences) {
  const auto schema = nlohmann::json::parse(CallSchema(Tools({kStock, kWeather})));
  ASSERT_EQ(schema["anyOf"].size(), 2u);
  const auto& call = schema["anyOf"][1];
  EXPECT_EQ(call["properties"]["name"]["const"], "weather");
  EXPECT_EQ(call["properties"]["arguments"]["properties"]["city"]["$ref"],
            "#/anyOf/1/properties/arguments/$defs/City");
  EXPECT_EQ(call["required"].size(), 2u);
}

TEST(ParseCallTest, TakesCallsOfTheToolsAndNothingElse) {
  const std::vector<Tool> tools = Tools({kStock});
  const auto call = ParseCall("\n{\"name\":\"stock\",\"arguments\":{\"n\":1,\"m\":[]}} ", tools);
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->name, "stock");
  EXPECT_EQ(call->arguments, R"({"n": 1, "m": []})");
  for (const char* text : {"", "{", R"({"name":"stock"})", R"({"name":"stock","arguments":"{}"})",
                           R"({"name":"other","arguments":{}})", R"(["stock",{}])",
                           R"({"name":"stock","arguments":{}} {})"}) {
    EXPECT_FALSE(ParseCall(text, tools).has_value()) << text;
  }
}

// What leaves when `text` comes in pieces of `size` bytes: the text, then calls as "<name
// arguments>".
std::string Filtered(const std::string& text, size_t size) {
  const std::vector<Tool> tools = Tools({kStock});
  ToolCallFilter filter(tools);
  std::string out;
  std::string calls;
  const auto take = [&](const ToolCallFilter::Piece& piece) {
    out += piece.text;
    for (const model::ToolCall& call : piece.calls) calls += "<" + call.name + call.arguments + ">";
  };
  for (size_t at = 0; at < text.size(); at += size) take(filter.Push(text.substr(at, size)));
  take(filter.Finish());
  return out + calls;
}

TEST(ToolCallFilterTest, CallsLeaveTheTextHoweverItIsCut) {
  const std::string good = "<tool_call>\n{\"name\": \"stock\", \"arguments\": {}}\n</tool_call>";
  const std::string bad = "<tool_call>\n{\"name\": \"stock\"\n</tool_call>";
  const std::pair<std::string, std::string> cases[] = {
      {"no call < at <tool all", "no call < at <tool all"},
      {good, "<stock{}>"},
      {"Let me look.\n" + good + "\n" + good + "\n", "Let me look.<stock{}><stock{}>"},
      {good + "\n\nDone. ", "Done. <stock{}>"},
      {bad + " then\n" + good, bad + " then<stock{}>"},
      {"x " + bad, "x " + bad},
      {"cut <tool_call>\n{\"name\": \"sto", "cut <tool_call>\n{\"name\": \"sto"},
      {"</tool_call> " + good, "</tool_call><stock{}>"},
      {"end \n", "end \n"},
  };
  for (const auto& [text, expected] : cases) {
    for (const size_t size : {1, 2, 5, 1000}) EXPECT_EQ(Filtered(text, size), expected) << size;
  }
}

TEST(ToolCallFilterTest, TextThatCanBeNoCallLeavesAtOnce) {
  const std::vector<Tool> tools = Tools({kStock});
  ToolCallFilter filter(tools);
  EXPECT_EQ(filter.Push("Hello <to").text, "Hello");
  EXPECT_EQ(filter.Push("day> ").text, " <today>");
  EXPECT_THAT(filter.Finish().text, " ");
}

}  // namespace
}  // namespace sightline::query
