#include "tools/demo_world/conversations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"

namespace sightline::demo_world {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class ConversationsTest : public ::testing::Test {
 protected:
  std::vector<Question> AskMany(Task task) {
    std::vector<Question> out;
    for (int i = 0; i < 40; ++i) {
      const std::optional<Question> question = Ask(world_, task, random_);
      if (question.has_value()) out.push_back(*question);
    }
    EXPECT_THAT(out, SizeIs(40));
    return out;
  }

  const World world_ = World::Make(7, {.items = 60, .pages = 30, .texts = 80});
  Random random_ = Random(1);
};

TEST_F(ConversationsTest, AFollowUpLeavesOutWhatTheConversationIsAbout) {
  bool longer = false;
  for (const Question& question : AskMany(Task::kFollowUp)) {
    ASSERT_THAT(question.documents, SizeIs(1));
    ASSERT_GE(question.history.size(), 2u);
    EXPECT_FALSE(question.history[question.history.size() - 2].by_assistant);
    EXPECT_TRUE(question.history.back().by_assistant);
    longer = longer || question.history.size() > 2;
    // The document says it of something that an earlier question names and this one does not.
    bool named = false;
    for (const World::Fact& fact : world_.facts()) {
      if (fact.document != question.documents[0]) continue;
      EXPECT_FALSE(absl::StrContains(question.text, fact.subject)) << question.text;
      for (const Turn& turn : question.history) {
        named = named || (!turn.by_assistant && absl::StrContains(turn.text, fact.subject));
      }
    }
    EXPECT_TRUE(named) << question.text;
  }
  EXPECT_TRUE(longer);
}

TEST_F(ConversationsTest, AFollowUpToAPhotoHasThePhotoInAnEarlierTurn) {
  for (const Question& question : AskMany(Task::kPhotoFollowUp)) {
    EXPECT_THAT(question.pictures, IsEmpty());
    ASSERT_THAT(question.history, SizeIs(2));
    EXPECT_THAT(question.history[0].pictures, SizeIs(1));
  }
}

TEST_F(ConversationsTest, ANewTopicHasAnEarlierOne) {
  for (const Question& question : AskMany(Task::kNewTopic)) {
    EXPECT_GE(question.history.size(), 2u);
    EXPECT_FALSE(question.text.empty());
  }
}

}  // namespace
}  // namespace sightline::demo_world
