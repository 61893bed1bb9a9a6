#include "services/query/follow_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

ConversationTurn User(std::string text) { return {.by_user = true, .text = std::move(text)}; }
ConversationTurn Assistant(std::string text) { return {.by_user = false, .text = std::move(text)}; }
ImagePtr Picture() { return std::make_shared<Image>(Image{1, 1, 3, {0, 0, 0}}); }

QueryContent Asking(std::string text) {
  QueryContent question;
  question.texts = {std::move(text)};
  return question;
}

TEST(FollowUpTest, NamesStandInFrontAndTheEarlierQuestionCountsHalf) {
  const Conversation conversation = {User("What does the Tano cup cost?"),
                                     Assistant("The Tano cup costs 3.50 [1].")};
  const FollowUp follow_up = SearchedByRule(Asking("And who makes it?"), conversation);
  EXPECT_EQ(follow_up.rewritten_query, "Tano And who makes it?");
  EXPECT_THAT(follow_up.search.texts, ElementsAre("Tano And who makes it?"));
  ASSERT_THAT(follow_up.search.parts, SizeIs(2));
  EXPECT_EQ(follow_up.search.parts[0].text, "Tano And who makes it?");
  EXPECT_EQ(follow_up.search.parts[0].weight, 1);
  EXPECT_EQ(follow_up.search.parts[1].text, "What does the Tano cup cost?");
  EXPECT_EQ(follow_up.search.parts[1].weight, 0.5f);
  EXPECT_THAT(follow_up.stand_alone.texts, ElementsAre("Tano And who makes it?"));
  EXPECT_FALSE(follow_up.generated);
}

TEST(FollowUpTest, ANewSubjectIsAskedWhatTheFirstQuestionAsks) {
  const Conversation conversation = {User("What does the Tano cup cost?"), Assistant("3.50.")};
  const FollowUp follow_up = SearchedByRule(Asking("What about the Tavi lamp?"), conversation);
  EXPECT_EQ(follow_up.rewritten_query, "What about the Tavi lamp?");
  ASSERT_THAT(follow_up.search.parts, SizeIs(2));
  EXPECT_EQ(follow_up.search.parts[1].text, "What does the Tano cup cost?");
}

TEST(FollowUpTest, WithoutNamesTheWordsAreJoined) {
  const Conversation conversation = {User("How is a failed release rolled back?"), Assistant("…")};
  const FollowUp follow_up = SearchedByRule(Asking("And who does it?"), conversation);
  EXPECT_EQ(follow_up.rewritten_query, "How is a failed release rolled back? And who does it?");
  EXPECT_THAT(follow_up.search.parts, IsEmpty());
}

TEST(FollowUpTest, ChineseNamesAreFoundBesideHan) {
  const Conversation conversation = {User("Gafo 手提包多少钱？"), Assistant("35 元。")};
  EXPECT_EQ(SearchedByRule(Asking("那厂家呢？"), conversation).rewritten_query, "Gafo 那厂家呢？");
}

TEST(FollowUpTest, ANewTopicIsSearchedAsItIs) {
  const Conversation conversation = {User("What does the Tano cup cost?"), Assistant("3.50.")};
  const FollowUp follow_up = SearchedByRule(Asking("Who makes the Lumo mug?"), conversation);
  EXPECT_EQ(follow_up.rewritten_query, "Who makes the Lumo mug?");
  EXPECT_THAT(follow_up.search.texts, ElementsAre("Who makes the Lumo mug?"));
  EXPECT_THAT(follow_up.search.parts, IsEmpty());
}

TEST(FollowUpTest, EarlierPicturesAreSearchedWithAQuestionThatHasNone) {
  ConversationTurn photo = User("Do we have this one?");
  photo.pictures = {{.part = 1, .image = Picture()}};
  const Conversation conversation = {photo, Assistant("Yes.")};
  const FollowUp follow_up = SearchedByRule(Asking("the same but in red"), conversation);
  EXPECT_THAT(follow_up.search.images, ElementsAre(photo.pictures[0].image));
  EXPECT_THAT(follow_up.search.texts, ElementsAre("the same but in red"));
  EXPECT_THAT(follow_up.pictures, ElementsAre(Pair(0, 1)));
  EXPECT_TRUE(follow_up.by_meaning);

  QueryContent with_own = Asking("And this one?");
  with_own.images = {Picture()};
  EXPECT_THAT(SearchedByRule(with_own, conversation).search.images, SizeIs(1));
  EXPECT_THAT(SearchedByRule(with_own, conversation).pictures, IsEmpty());
}

TEST(FollowUpTest, TheLatestPicturesComeFirstAndFourAreEnough) {
  Conversation conversation;
  for (int i = 0; i < 6; ++i) {
    ConversationTurn turn = User(i == 0 ? "What is this?" : "And this?");
    turn.pictures = {{.part = 0, .image = Picture()}};
    conversation.push_back(turn);
  }
  const FollowUp follow_up = SearchedByRule(Asking("Which one is cheaper?"), conversation);
  EXPECT_THAT(follow_up.pictures, ElementsAre(Pair(5, 0), Pair(4, 0), Pair(3, 0), Pair(2, 0)));
}

TEST(FollowUpTest, AQuestionWithWeightsSaysItselfWhatIsSearched) {
  QueryContent question = Asking("And who makes it?");
  question.parts = {{.weight = 1, .field = {}, .text = "And who makes it?"},
                    {.weight = 1, .field = {}, .text = {}, .image = {}, .passage_id = 7}};
  const FollowUp follow_up =
      SearchedByRule(question, {User("What does the Tano cup cost?"), Assistant("3.50.")});
  EXPECT_THAT(follow_up.search.parts, SizeIs(2));
  EXPECT_THAT(follow_up.search.texts, ElementsAre("And who makes it?"));
}

TEST(FollowUpTest, AWrittenQuestionIsSearchedWithTheEarlierPictures) {
  ConversationTurn photo = User("What is this?");
  photo.pictures = {{.part = 0, .image = Picture()}};
  const FollowUp follow_up =
      SearchedAs("Who makes the cup?", Asking("Who makes it?"), {photo, Assistant("A cup.")});
  EXPECT_THAT(follow_up.search.texts, ElementsAre("Who makes the cup?"));
  EXPECT_THAT(follow_up.search.images, SizeIs(1));
  EXPECT_TRUE(follow_up.generated);
}

}  // namespace
}  // namespace sightline::query
