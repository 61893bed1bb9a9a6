// The exact gates over the made-up shop: what a text or a table says is true, the same with
// another's value is not, nor is it of another text.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/query/claim_check.h"
#include "tools/demo_world/questions.h"
#include "tools/demo_world/random.h"
#include "tools/demo_world/wording.h"
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

  void Add(const std::string& claim, const std::string& source) {
    count += Fails(CheckClaim(claim, {source})) ? 1 : 0;
    ++all;
  }
  double Share() const { return static_cast<double>(count) / all; }
};

TEST(ClaimWorldTest, FalseNumbersAndSwappedSourcesAreCaughtAndTrueSentencesPass) {
  Refused true_ones, false_numbers, false_names, swapped;
  for (uint64_t seed = kSeed; true_ones.all < kQuestions; ++seed) {
    const World world = World::Make(seed, {.items = 60, .pages = 4, .texts = 60});
    const std::vector<Document>& documents = world.documents();
    demo_world::Random random(seed);
    for (int i = 0; i < kQuestionsOfAWorld; ++i) {
      const std::optional<Question> question = Ask(world, demo_world::Task::kTextAnswer, random);
      if (!question.has_value()) continue;
      const std::string& claim = question->answer.front().text;
      const Document& source = documents[question->documents.front()];
      true_ones.Add(claim, source.text);
      if (!question->wrong_answer.empty()) {
        (NumbersIn(question->wrong_answer).empty() ? false_names : false_numbers)
            .Add(question->wrong_answer, source.text);
      }
      // The likest text of the language: one in another is for a network to judge.
      for (const int near : question->near) {
        if (documents[near].kind != DocumentKind::kText ||
            documents[near].language != question->language) {
          continue;
        }
        swapped.Add(claim, documents[near].text);
        break;
      }
    }
  }
  RecordProperty("true_flagged", absl::StrCat(true_ones.Share()));
  RecordProperty("false_numbers_caught", absl::StrCat(false_numbers.Share()));
  RecordProperty("false_names_caught", absl::StrCat(false_names.Share()));
  RecordProperty("swapped_caught", absl::StrCat(swapped.Share()));
  EXPECT_GT(false_numbers.all, 500);
  EXPECT_GT(swapped.all, 1500);
  EXPECT_LE(true_ones.Share(), 0.03);
  EXPECT_GE(false_numbers.Share(), 0.95);
  EXPECT_GT(false_names.all, 300);
  EXPECT_GE(false_names.Share(), 0.95);
  EXPECT_GE(swapped.Share(), 0.95);
}

// A page as a table in a text: of a spreadsheet, or of a document with a text layer.
std::string Markdown(const demo_world::PageContent& page) {
  std::string out = absl::StrCat(page.title, "\n", absl::StrJoin(page.head, "\n"), "\n\n| ",
                                 absl::StrJoin(page.columns, " | "), " |\n|---|---|\n");
  for (const demo_world::PageRow& row : page.rows) {
    absl::StrAppend(&out, "| ", row.label, " | ", absl::StrJoin(row.cells, " | "), " |\n");
  }
  return absl::StrCat(out, "\n", absl::StrJoin(page.foot, "\n"));
}

TEST(ClaimWorldTest, ValuesOfOtherRowsOfTheSameTableAreCaught) {
  Refused true_ones, other_rows;
  for (uint64_t seed = kSeed; true_ones.all < kQuestions; ++seed) {
    const World world = World::Make(seed, {.items = 60, .pages = 40, .texts = 4});
    for (const World::Fact& fact : world.facts()) {
      const Document& source = world.documents()[fact.document];
      if (source.kind != DocumentKind::kPage || source.page.columns.empty()) continue;
      const std::string table = Markdown(source.page);
      true_ones.Add(FactAnswer(fact, source.language), table);
      for (const World::Fact& other : world.facts()) {
        if (other.document != fact.document || other.kind != fact.kind || other.row == fact.row ||
            other.value == fact.value) {
          continue;
        }
        World::Fact wrong = fact;
        wrong.value = other.value;
        other_rows.Add(FactAnswer(wrong, source.language), table);
      }
    }
  }
  RecordProperty("table_true_flagged", absl::StrCat(true_ones.Share()));
  RecordProperty("table_other_rows_caught", absl::StrCat(other_rows.Share()));
  EXPECT_GT(other_rows.all, 500);
  EXPECT_LE(true_ones.Share(), 0.03);
  EXPECT_GE(other_rows.Share(), 0.95);
}

}  // namespace
}  // namespace sightline::query
