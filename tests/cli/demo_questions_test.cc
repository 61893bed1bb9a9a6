#include "cli/demo_questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/demo_shop.h"

namespace sightline::cli {
namespace {

using demo_world::Task;
using demo_world::World;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = demo_world::kFirstEvaluationSeed + 5;

const World& Shop() {
  static const World world = World::Make(kSeed, {.items = 300, .pages = 40, .texts = 60});
  return world;
}

const demo_world::Document& Gold(const EvalQuestion& question) {
  return *std::ranges::find(Shop().documents(), question.gold.documents.at(0),
                            &demo_world::Document::id);
}

TEST(DemoQuestionsTest, AShopOfSomeSizeHoldsOneOfEveryKind) {
  const DemoQuestions questions = ChooseQuestions(Shop(), kSeed);
  EXPECT_EQ(questions.searches.size(), 8u);
  EXPECT_EQ(questions.answers.size(), 6u);
  EXPECT_EQ(questions.answers[1].question.task, Task::kPageAnswer);
  EXPECT_TRUE(questions.answers[1].place.has_value());
  EXPECT_TRUE(questions.extraction.has_value());
  ASSERT_TRUE(questions.box.has_value());
  EXPECT_TRUE(questions.box->gold.documents.empty());  // of a scene
}

TEST(DemoQuestionsTest, TheSameSeedChoosesTheSame) {
  const DemoQuestions a = ChooseQuestions(Shop(), kSeed);
  const DemoQuestions b = ChooseQuestions(Shop(), kSeed);
  for (size_t i = 0; i < a.searches.size(); ++i) {
    EXPECT_EQ(a.searches[i].question.text, b.searches[i].question.text);
    EXPECT_EQ(a.searches[i].question.pictures, b.searches[i].question.pictures);
  }
}

TEST(DemoQuestionsTest, TheRightPhotoPassesTheFilter) {
  const DemoQuestions questions = ChooseQuestions(Shop(), kSeed);
  const auto search =
      std::ranges::find_if(questions.searches, [](const auto& one) { return !one.filter.empty(); });
  ASSERT_NE(search, questions.searches.end());
  const demo_world::Item& item = Shop().catalogue().items[Gold(search->question).item];
  const std::string kind = demo_world::KindWord(item.look.kind).english;
  EXPECT_THAT(search->filter, HasSubstr("kind = \"" + kind + "\""));
  EXPECT_THAT(ShopMetadata(Shop(), Gold(search->question)), HasSubstr("\"kind\":\"" + kind + "\""));
  const int most = std::stoi(search->filter.substr(search->filter.rfind(' ')));
  EXPECT_LT(item.price_cents, 100 * most);
  EXPECT_GE(item.price_cents, 100 * (most - 10));
}

TEST(DemoQuestionsTest, ThePlaceIsTheRowThatAnswers) {
  const DemoQuestions questions = ChooseQuestions(Shop(), kSeed);
  const DemoQuestions::Answer& answer = questions.answers.front();
  ASSERT_EQ(answer.question.task, Task::kTableAnswer);
  ASSERT_TRUE(answer.place.has_value());
  EXPECT_EQ(answer.place->gold.documents, answer.question.gold.documents);
  const demo_world::DrawnPage drawn =
      DrawPage(Gold(answer.question).page, Gold(answer.question).view);
  const auto line = std::ranges::find_if(drawn.lines, [&](const demo_world::PageLine& some) {
    return some.box.x0 == answer.place->gold.box->x0 && some.box.y0 == answer.place->gold.box->y0;
  });
  ASSERT_NE(line, drawn.lines.end());
  // The row names what is asked about.
  const std::string label = Gold(answer.question).page.rows.at(line->row).label;
  EXPECT_THAT(answer.question.text, HasSubstr(label));
}

}  // namespace
}  // namespace sightline::cli
