// The exact gates over the made-up shop: what a text says is true, the same with another's value is
// not, nor is it of another text.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/query/claim_check.h"
#include "tools/demo_world/questions.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/world.h"

namespace sightline::query {
namespace {

using demo_world::Document;
using demo_world::DocumentKind;
using demo_world::Question;
using demo_world::World;

constexpr int kQuestions = 2000;
constexpr int kQuestionsOfAWorld = 100;
constexpr uint64_t kSeed = demo_world::kFirstEvaluationSeed + 77;

// How many claims the gates refused.
struct Refused {
  int count = 0;
  int all = 0;

  void Add(const std::string& claim, const Document& source) {
    count += Fails(CheckClaim(claim, {source.text})) ? 1 : 0;
    ++all;
  }
  double Share() const { return static_cast<double>(count) / all; }
};

TEST(ClaimWorldTest, FalseNumbersAndSwappedSourcesAreCaughtAndTrueSentencesPass) {
  Refused true_ones, false_numbers, swapped;
  for (uint64_t seed = kSeed; true_ones.all < kQuestions; ++seed) {
    const World world = World::Make(seed, {.items = 60, .pages = 4, .texts = 60});
    const std::vector<Document>& documents = world.documents();
    demo_world::Random random(seed);
    for (int i = 0; i < kQuestionsOfAWorld; ++i) {
      const std::optional<Question> question = Ask(world, demo_world::Task::kTextAnswer, random);
      if (!question.has_value()) continue;
      const std::string& claim = question->answer.front().text;
      const Document& source = documents[question->documents.front()];
      true_ones.Add(claim, source);
      if (!NumbersIn(question->wrong_answer).empty()) {
        false_numbers.Add(question->wrong_answer, source);
      }
      // The likest text of the language: one in another is for a network to judge.
      for (const int near : question->near) {
        if (documents[near].kind != DocumentKind::kText ||
            documents[near].language != question->language) {
          continue;
        }
        swapped.Add(claim, documents[near]);
        break;
      }
    }
  }
  RecordProperty("true_flagged", absl::StrCat(true_ones.Share()));
  RecordProperty("false_numbers_caught", absl::StrCat(false_numbers.Share()));
  RecordProperty("swapped_caught", absl::StrCat(swapped.Share()));
  EXPECT_GT(false_numbers.all, 500);
  EXPECT_GT(swapped.all, 1500);
  EXPECT_LE(true_ones.Share(), 0.03);
  EXPECT_GE(false_numbers.Share(), 0.95);
  EXPECT_GE(swapped.Share(), 0.95);
}

}  // namespace
}  // namespace sightline::query
