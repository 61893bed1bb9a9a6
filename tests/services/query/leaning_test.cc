#include "services/query/leaning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LeaningTest, QuestionsThatPointAtWhatTheyDoNotNameLean) {
  for (const char* question :
       {"And who makes it?", "Who is its maker?", "How many of them are in stock?",
        "the same but in red", "Which one is cheaper?", "Where are these made?", "How much?",
        "What about the Tavi lamp?", "And the price?", "Why?", "它多少钱？", "那库存呢？",
        "这个是谁制造的？", "还剩多少？", "同款但是红色的"}) {
    EXPECT_TRUE(LeansOnEarlier(question, false)) << question;
  }
}

TEST(LeaningTest, WholeQuestionsStandAlone) {
  for (const char* question :
       {"What does the Tano cup cost?", "Who makes the Lumo mug?",
        "Does the Tano cup leak when it is hot?", "How is a release rolled back?",
        "And who makes the Lumo mug?", "price list of Talvo Works",
        "Does the deployment pipeline roll back failed releases before it reports them?",
        "Gafo 手提包多少钱？", "谁制造 Lumo 杯子？", "发票的总额是多少？"}) {
    EXPECT_FALSE(LeansOnEarlier(question, false)) << question;
  }
}

TEST(LeaningTest, APictureOfItsOwnIsWhatAQuestionPointsAt) {
  EXPECT_FALSE(LeansOnEarlier("What is this?", true));
  EXPECT_FALSE(LeansOnEarlier("", true));
  EXPECT_TRUE(LeansOnEarlier("And this one?", true));
}

ConversationTurn User(std::string text) { return {.by_user = true, .text = std::move(text)}; }
ConversationTurn Assistant(std::string text) { return {.by_user = false, .text = std::move(text)}; }

TEST(LeaningTest, AChainOfFollowUpsEndsAtTheQuestionThatStandsAlone) {
  const Conversation conversation = {User("Who makes the Lumo mug?"),
                                     Assistant("Orsen Forge."),
                                     User("What does the Tano cup cost?"),
                                     Assistant("3.50."),
                                     User("And who makes it?"),
                                     Assistant("Talvo Works.")};
  EXPECT_THAT(TurnsLeantOn("How many are left?", false, conversation), ElementsAre(4, 2));
  EXPECT_THAT(TurnsLeantOn("What does the Gafo bag cost?", false, conversation), IsEmpty());
  EXPECT_THAT(TurnsLeantOn("How many are left?", false, {}), IsEmpty());
}

TEST(LeaningTest, APhotoIsWhatTheConversationIsAboutUntilAWholeQuestionFollows) {
  ConversationTurn photo = User("Do we have this one?");
  photo.pictures.push_back({.part = 0, .image = nullptr});
  Conversation conversation = {photo, Assistant("Yes.")};
  EXPECT_THAT(TurnsLeantOn("the same but in red", false, conversation), ElementsAre(0));
  conversation.push_back(User("What does the Tano cup cost?"));
  conversation.push_back(Assistant("3.50."));
  EXPECT_THAT(TurnsLeantOn("And who makes it?", false, conversation), ElementsAre(2));
}

}  // namespace
}  // namespace sightline::query
