#include "services/query/conversation_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeGenerator;
using ::testing::ElementsAre;

std::vector<std::string> Shown(const Conversation& conversation, int tokens, int pictures = 8) {
  FakeGenerator generator("");  // four bytes a token; 320 x 320 pixels are 100
  const auto messages = ShownTurns(conversation, tokens, pictures, generator, {});
  std::vector<std::string> out;
  for (const model::Message& message : messages.value()) {
    std::string text = message.role + ":";
    for (const model::MessagePart& part : message.parts) {
      text += std::holds_alternative<std::string>(part) ? std::get<std::string>(part) : "<picture>";
    }
    out.push_back(text);
  }
  return out;
}

ConversationTurn User(std::string text) { return {.by_user = true, .text = std::move(text)}; }
ConversationTurn Assistant(std::string text) { return {.by_user = false, .text = std::move(text)}; }

TEST(ShownTurnsTest, CitationsOfEarlierAnswersAreGoneAndNumbersInBracketsInert) {
  EXPECT_THAT(Shown({User("see [2]"), Assistant("It costs 3.50 [1][2].")}, 1000),
              ElementsAre("user:see (2)", "assistant:It costs 3.50."));
}

TEST(ShownTurnsTest, TheLatestTurnsThatFitAreShownFromAUsersOn) {
  const Conversation conversation = {User("aaaaaaaa"), Assistant("bbbbbbbb"), User("cccccccc"),
                                     Assistant("dddddddd")};
  EXPECT_THAT(Shown(conversation, 4), ElementsAre("user:cccccccc", "assistant:dddddddd"));
  EXPECT_THAT(Shown(conversation, 7), ElementsAre("user:cccccccc", "assistant:dddddddd"));
  EXPECT_THAT(Shown(conversation, 3), ElementsAre());
}

TEST(ShownTurnsTest, PicturesAreShownWhileThereIsRoom) {
  const ImagePtr image = std::make_shared<Image>(Image{320, 320, 3, {}});
  ConversationTurn first = User("a");
  first.pictures = {{.part = 0, .image = image}};
  ConversationTurn second = User("b");
  second.pictures = {{.part = 0, .image = image}};
  const char* const hidden = "user:(a picture that is not shown)a";
  EXPECT_THAT(Shown({first, second}, 1000), ElementsAre("user:<picture>a", "user:<picture>b"));
  EXPECT_THAT(Shown({first, second}, 110), ElementsAre(hidden, "user:<picture>b"));
  EXPECT_THAT(Shown({first, second}, 1000, 1), ElementsAre(hidden, "user:<picture>b"));
}

}  // namespace
}  // namespace sightline::query
