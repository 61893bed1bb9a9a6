#include "cli/eval_questions.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace sightline::cli {
namespace {

using demo_world::Language;
using demo_world::Task;
using ::sightline::testing::StatusIs;

TEST(ParseTasksTest, NamesAndAll) {
  ASSERT_OK_AND_ASSIGN(const auto all, ParseTasks(""));
  EXPECT_EQ(all.questions.size(), static_cast<size_t>(kEvalTasks));
  EXPECT_TRUE(all.verdict);
  ASSERT_OK_AND_ASSIGN(const auto two, ParseTasks("box,photo_to_item"));
  EXPECT_EQ(two.questions, (std::vector<Task>{Task::kPhotoToItem, Task::kBox}));
  EXPECT_FALSE(two.verdict);
  ASSERT_OK_AND_ASSIGN(const auto verdict, ParseTasks("verdict"));
  EXPECT_TRUE(verdict.questions.empty());
  EXPECT_TRUE(verdict.verdict);
  EXPECT_THAT(ParseTasks("box,"), StatusIs(absl::StatusCode::kInvalidArgument));
}

class AskAllTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSeed = demo_world::kFirstEvaluationSeed + 3;

  std::vector<EvalQuestion> Ask(const std::vector<Task>& tasks, int count) const {
    return AskAll(world_, tasks, count, kSeed);
  }

  const demo_world::World world_ =
      demo_world::World::Make(kSeed, {.items = 40, .pages = 12, .texts = 24});
};

TEST_F(AskAllTest, QuestionsOfATaskDoNotDependOnTheOtherTasks) {
  const auto alone = Ask({Task::kTextAnswer}, 4);
  const auto among = Ask({Task::kPhotoToItem, Task::kTextAnswer}, 4);
  ASSERT_EQ(alone.size(), 4u);
  ASSERT_EQ(among.size(), 8u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(alone[i].text, among[i + 4].text);
    EXPECT_EQ(alone[i].id, absl::StrCat("text_answer-000", i + 1));
    EXPECT_EQ(alone[i].gold.documents, among[i + 4].gold.documents);
  }
}

TEST_F(AskAllTest, GoldNamesDocumentsByIdAndJoinsSentencesByLanguage) {
  for (const EvalQuestion& question : Ask({Task::kTwoPassages}, 12)) {
    ASSERT_GE(question.gold.citations.size(), 2u);
    EXPECT_TRUE(absl::StartsWith(question.gold.documents[0], "page-") ||
                absl::StartsWith(question.gold.documents[0], "text-"));
    EXPECT_EQ(absl::StrContains(question.gold.answer, ". "),
              question.language == Language::kEnglish)
        << question.gold.answer;
  }
  for (const EvalQuestion& question : Ask({Task::kPhotoToItem}, 2)) {
    ASSERT_EQ(question.pictures.size(), 1u);
    EXPECT_TRUE(absl::StartsWith(question.pictures[0], "\x89PNG"));
  }
}

TEST_F(AskAllTest, ShufflingLeavesNoQuestionItsOwnGold) {
  const auto questions = Ask({Task::kPhotoToItem, Task::kExtraction}, 5);
  auto shuffled = questions;
  ShuffleGold(7, shuffled);
  std::multimap<Task, std::string> before, after;
  for (size_t i = 0; i < questions.size(); ++i) {
    EXPECT_EQ(questions[i].text, shuffled[i].text);
    before.emplace(questions[i].task, questions[i].gold.documents[0]);
    after.emplace(shuffled[i].task, shuffled[i].gold.documents[0]);
  }
  const auto sorted = [](const auto& pairs) {
    std::vector<std::pair<Task, std::string>> out(pairs.begin(), pairs.end());
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_EQ(sorted(before), sorted(after));
  int moved = 0;
  for (size_t i = 0; i < 5; ++i) {
    moved += questions[i].gold.documents != shuffled[i].gold.documents;
  }
  EXPECT_GE(moved, 4);  // two questions may be about one item
}

}  // namespace
}  // namespace sightline::cli
