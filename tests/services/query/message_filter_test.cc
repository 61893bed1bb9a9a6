#include "services/query/message_filter.h"

#include <gtest/gtest.h>

#include "services/edge/error_details.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

std::shared_ptr<const ContentRules> Rules() {
  return ContentRules::Parse("mask email\nblock card").value();
}

TEST(MessageFilterTest, EveryTextOfAHitIsFiltered) {
  google::protobuf::RepeatedPtrField<v1::Hit> hits;
  v1::Passage& passage = *hits.Add()->mutable_passage();
  passage.set_text("Write to a@b.org.");
  passage.set_heading("c@d.org");
  passage.set_source("mail/a@b.org.txt");
  auto& fields = *passage.mutable_metadata()->mutable_fields();
  fields["author"].set_string_value("e@f.org");
  fields["list"].mutable_list_value()->add_values()->set_string_value("g@h.org");
  (*fields["map"].mutable_struct_value()->mutable_fields())["x"].set_string_value("i@j.org");
  hits[0].add_neighbours()->set_text("Card 4111111111111111.");
  ASSERT_THAT(FilterHits(*Rules(), hits), IsOk());
  EXPECT_EQ(passage.text(), "Write to [email].");
  EXPECT_EQ(passage.heading(), "[email]");
  EXPECT_EQ(passage.source(), "mail/a@b.org.txt");
  EXPECT_EQ(fields["author"].string_value(), "[email]");
  EXPECT_EQ(fields["list"].list_value().values(0).string_value(), "[email]");
  EXPECT_EQ(fields["map"].struct_value().fields().at("x").string_value(), "[email]");
  EXPECT_EQ(hits[0].neighbours(0).text(), "[blocked: card]");
}

TEST(MessageFilterTest, WordsThatLedToAHitAreFilteredTogether) {
  google::protobuf::RepeatedPtrField<v1::Hit> hits;
  hits.Add()->add_led_by("orsen");
  hits[0].add_led_by("forge");
  hits.Add()->add_led_by("a@b.org");
  hits.Add()->add_led_by("a@b");  // in pieces
  hits[2].mutable_passage()->set_text("Write to a@b.org.");
  ASSERT_THAT(FilterHits(*Rules(), hits), IsOk());
  EXPECT_THAT(hits[0].led_by(), ::testing::ElementsAre("orsen", "forge"));
  EXPECT_THAT(hits[1].led_by(), ::testing::ElementsAre("[email]"));
  EXPECT_TRUE(hits[2].led_by().empty());
}

TEST(MessageFilterTest, ACitationsSnippetAndPassageAreFiltered) {
  v1::Citation citation;
  citation.set_snippet("Write to a@b.org.");
  citation.mutable_hit()->mutable_passage()->set_text("Ann: a@b.org");
  ASSERT_THAT(FilterCitation(*Rules(), citation), IsOk());
  EXPECT_EQ(citation.snippet(), "Write to [email].");
  EXPECT_EQ(citation.hit().passage().text(), "Ann: [email]");
}

TEST(MessageFilterTest, QuestionsAreMaskedOrRefusedWithoutTheirValue) {
  v1::SearchRequest request;
  request.add_query()->set_text("Who is a@b.org?");
  request.add_query()->set_image_uri("data:a@b.org");
  ASSERT_OK_AND_ASSIGN(v1::SearchRequest masked, FilterQuestion(*Rules(), request, ""));
  EXPECT_EQ(masked.query(0).text(), "Who is [email]?");
  EXPECT_EQ(masked.query(1).image_uri(), "data:a@b.org");

  request.add_query()->set_text("4111 1111 1111 1111");
  const auto refused = FilterQuestion(*Rules(), request, "search.");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rule card")));
  EXPECT_THAT(std::string(refused.status().message()), Not(HasSubstr("4111")));
  EXPECT_EQ(edge::Reason(refused.status()), "content_blocked");
  EXPECT_EQ(edge::Fields(refused.status()).at(0).field, "search.query[2]");
}

TEST(MessageFilterTest, WhatIsLookedForAndWhatStandsThereAreFiltered) {
  v1::LocateRequest request;
  request.add_content()->set_image("picture");
  request.add_content()->set_text("Where is a@b.org?");
  ASSERT_OK_AND_ASSIGN(v1::LocateRequest masked, FilterLookedFor(*Rules(), request));
  EXPECT_EQ(masked.content(0).image(), "picture");
  EXPECT_EQ(masked.content(1).text(), "Where is [email]?");
  request.add_content()->set_text("4111 1111 1111 1111");
  const auto refused = FilterLookedFor(*Rules(), request);
  EXPECT_EQ(edge::Reason(refused.status()), "content_blocked");
  EXPECT_EQ(edge::Fields(refused.status()).at(0).field, "content[2]");

  v1::LocatedPlace place;
  place.set_says("a line, a@b.org");
  ASSERT_THAT(FilterPlace(*Rules(), place), IsOk());
  EXPECT_EQ(place.says(), "a line, [email]");
  place.set_says("4111 1111 1111 1111");
  ASSERT_THAT(FilterPlace(*Rules(), place), IsOk());
  EXPECT_EQ(place.says(), "[blocked: card]");
}

TEST(MessageFilterTest, WhatWasSaidBeforeIsFilteredToo) {
  v1::SearchRequest request;
  request.add_history()->add_content()->set_text("I am a@b.org.");
  ASSERT_OK_AND_ASSIGN(v1::SearchRequest masked, FilterQuestion(*Rules(), request, ""));
  EXPECT_EQ(masked.history(0).content(0).text(), "I am [email].");
  request.add_history()->add_content()->set_text("4111 1111 1111 1111");
  const auto refused = FilterQuestion(*Rules(), request, "search.");
  EXPECT_EQ(edge::Reason(refused.status()), "content_blocked");
  EXPECT_EQ(edge::Fields(refused.status()).at(0).field, "search.history[1].content[0]");
}

TEST(MessageFilterTest, MessagesAndArgumentsOfAChatAreFiltered) {
  v1::GenerateRequest request;
  request.add_messages()->add_content()->set_text("Write to a@b.org.");
  v1::ToolCall& call = *request.add_messages()->add_tool_calls();
  call.set_arguments(R"({"to":"a@b.org"})");
  ASSERT_OK_AND_ASSIGN(v1::GenerateRequest masked, FilterMessages(*Rules(), request));
  EXPECT_EQ(masked.messages(0).content(0).text(), "Write to [email].");
  EXPECT_EQ(masked.messages(1).tool_calls(0).arguments(), R"({"to":"[email]"})");
  call.set_arguments("4111111111111111");
  const auto refused = FilterMessages(*Rules(), request);
  EXPECT_EQ(edge::Reason(refused.status()), "content_blocked");
  EXPECT_EQ(edge::Fields(refused.status()).at(0).field, "messages[1].tool_calls[0].arguments");
}

}  // namespace
}  // namespace sightline::query
