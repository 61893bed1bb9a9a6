#include "services/query/choice_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kCall[] =
    "<tool_call>\n{\"name\": \"mail\", \"arguments\": {\"to\": \"a@example.com\"}}\n</tool_call>";

constexpr size_t kTokenBytes = 3;

class ChoiceFilterTest : public ::testing::Test {
 protected:
  ChoiceFilterTest() {
    google::protobuf::RepeatedPtrField<std::string> given;
    *given.Add() = R"({"type":"function","function":{"name":"mail"}})";
    tools_ = ReadTools(given, "tools").value();
  }

  // The choice of a text that was written as `text`.
  v1::GenerateChoice Written(const std::string& text, const std::string& rules,
                             const ToolUse& use) {
    const auto parsed = ContentRules::Parse(rules).value();
    ChoiceFilter filter(0, parsed.get(), use);
    for (size_t begin = 0; begin < text.size(); begin += kTokenBytes) {
      const absl::string_view bytes = absl::string_view(text).substr(begin, kTokenBytes);
      model::TokenLogprobs token;
      token.chosen.bytes = std::string(bytes);
      token.begin = begin;
      token.end = begin + kTokenBytes;
      // Bytes come singly, the token with the first.
      for (size_t i = 0; i < bytes.size(); ++i) {
        model::TextPiece piece = {.text = bytes.substr(i, 1)};
        if (i == 0) piece.logprobs = std::span(&token, 1);
        Take(filter.Push(piece).value());
        EXPECT_TRUE(absl::StartsWith(streamed_, tokens_)) << tokens_;
      }
    }
    Take(filter.Finish().value());
    v1::GenerateChoice choice;
    choice.set_text(text);
    choice.set_finish_reason("stop");
    choice.add_token_ids(7);
    filter.Apply(choice);
    return choice;
  }
  void Take(const std::vector<v1::GenerateDelta>& deltas) {
    for (const v1::GenerateDelta& delta : deltas) {
      streamed_ += delta.text();
      for (const v1::TokenLogprobs& token : delta.logprobs()) tokens_ += token.chosen().bytes();
      if (delta.has_tool_call()) calls_.push_back(delta.tool_call());
    }
  }

  std::vector<Tool> tools_;
  std::string streamed_;
  std::string tokens_;
  std::vector<v1::ToolCall> calls_;
};

TEST_F(ChoiceFilterTest, WithoutToolsAndRulesATextIsWhatItWas) {
  const v1::GenerateChoice choice = Written(kCall, "", {});
  EXPECT_EQ(choice.text(), kCall);
  EXPECT_EQ(streamed_, kCall);
  EXPECT_EQ(tokens_, kCall);
  EXPECT_EQ(choice.finish_reason(), "stop");
  EXPECT_EQ(choice.token_ids_size(), 1);
}

TEST_F(ChoiceFilterTest, ACallIsTakenOutAndHasAnIdOfItsOwn) {
  const v1::GenerateChoice choice = Written(std::string("Sure.\n") + kCall + kCall, "", {tools_});
  EXPECT_EQ(choice.text(), "Sure.");
  EXPECT_EQ(tokens_, "Sur");  // what stands behind "e." is the call's
  EXPECT_EQ(streamed_, "Sure.");
  EXPECT_EQ(choice.finish_reason(), "tool_calls");
  ASSERT_EQ(choice.tool_calls_size(), 2);
  EXPECT_EQ(choice.tool_calls(0).arguments(), R"({"to": "a@example.com"})");
  EXPECT_THAT(choice.tool_calls(0).id(), StartsWith("call_"));
  EXPECT_NE(choice.tool_calls(0).id(), choice.tool_calls(1).id());
  ASSERT_EQ(calls_.size(), 2u);
  EXPECT_EQ(calls_[1].id(), choice.tool_calls(1).id());
  EXPECT_EQ(choice.token_ids_size(), 1);
}

TEST_F(ChoiceFilterTest, ARequiredCallIsTheWholeText) {
  const v1::GenerateChoice choice =
      Written(R"({"name":"mail","arguments":{"n":1}})", "", {tools_, /*required=*/true});
  EXPECT_EQ(choice.text(), "");
  ASSERT_EQ(choice.tool_calls_size(), 1);
  EXPECT_EQ(choice.tool_calls(0).arguments(), R"({"n": 1})");
  EXPECT_EQ(choice.finish_reason(), "tool_calls");
}

TEST_F(ChoiceFilterTest, RulesHoldForTextAndArgumentsAndTokensTellNothing) {
  const v1::GenerateChoice choice =
      Written(std::string("Writing to b@example.com. ") + kCall, "mask email", {tools_});
  EXPECT_EQ(choice.text(), "Writing to [email].");
  EXPECT_EQ(tokens_, "Writing t");
  EXPECT_EQ(streamed_, choice.text());
  EXPECT_EQ(choice.tool_calls(0).arguments(), R"({"to": "[email]"})");
  EXPECT_EQ(choice.token_ids_size(), 0);
}

TEST_F(ChoiceFilterTest, ARuleThatBlocksEndsTheText) {
  const v1::GenerateChoice choice =
      Written(std::string("The mail of b@example.com is ") + kCall, "block email", {tools_});
  EXPECT_EQ(choice.text(), "The mail of ");
  EXPECT_EQ(tokens_, "The mail of ");
  EXPECT_EQ(streamed_, choice.text());
  EXPECT_EQ(choice.finish_reason(), "content_filter");
  EXPECT_EQ(choice.tool_calls_size(), 0);
  EXPECT_TRUE(calls_.empty());
  EXPECT_EQ(choice.token_ids_size(), 0);
}

TEST_F(ChoiceFilterTest, ATokenThatIsCutAtTheEndGoesWithTheRest) {
  EXPECT_EQ(Written("four and", "mask email", {}).text(), "four and");
  EXPECT_EQ(tokens_, "four and");
}

TEST_F(ChoiceFilterTest, ArgumentsThatARuleBlocksAreNoCall) {
  const v1::GenerateChoice choice = Written(kCall, "block email", {tools_});
  EXPECT_EQ(choice.tool_calls_size(), 0);
  EXPECT_EQ(choice.finish_reason(), "content_filter");
  EXPECT_THAT(streamed_, Not(HasSubstr("example")));
}

}  // namespace
}  // namespace sightline::query
