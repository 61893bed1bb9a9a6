#include "cli/eval_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/match.h"

namespace sightline::cli {
namespace {

using demo_world::Language;

class EvalClaimsTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSeed = demo_world::kFirstEvaluationSeed + 4;

  const demo_world::World world_ =
      demo_world::World::Make(kSeed, {.items = 60, .pages = 30, .texts = 60});
};

TEST_F(EvalClaimsTest, EachFactIsSaidRightThenWrongThenOfAnotherDocumentOfItsKind) {
  std::map<std::string, demo_world::DocumentKind> kinds;
  for (const demo_world::Document& document : world_.documents()) {
    kinds[document.id] = document.kind;
  }
  std::set<Planted> seen;
  std::map<ClaimSource, int> sources;
  const auto claims = MakeClaims(world_, 60, kSeed);
  for (const std::vector<EvalClaim>& of_one : claims) {
    ASSERT_FALSE(of_one.empty());
    EXPECT_EQ(of_one[0].planted, Planted::kNothing);
    ++sources[of_one[0].source];
    for (const EvalClaim& claim : of_one) {
      seen.insert(claim.planted);
      EXPECT_EQ(claim.source, of_one[0].source);
      EXPECT_EQ(kinds[claim.document], claim.source == ClaimSource::kText
                                           ? demo_world::DocumentKind::kText
                                           : demo_world::DocumentKind::kPage)
          << claim.document;
      EXPECT_EQ(claim.text == of_one[0].text,
                claim.planted == Planted::kNothing || claim.planted == Planted::kSource);
      EXPECT_EQ(claim.document != of_one[0].document, claim.planted == Planted::kSource);
      if (claim.planted == Planted::kUnit) {
        EXPECT_TRUE(absl::StrContains(claim.text, "美元")) << claim.text;
      }
    }
  }
  EXPECT_EQ(seen.size(), 6u);  // every kind
  for (const ClaimSource source : {ClaimSource::kText, ClaimSource::kPage, ClaimSource::kTable}) {
    EXPECT_EQ(sources[source], 60);
  }
}

TEST_F(EvalClaimsTest, ShufflingGivesEachWhatIsWrongWithAnother) {
  const auto before = MakeClaims(world_, 30, kSeed);
  auto after = before;
  ShuffleClaims(kSeed, after);
  std::map<Planted, int> kinds;
  int moved = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    for (size_t j = 0; j < before[i].size(); ++j) {
      EXPECT_EQ(after[i][j].text, before[i][j].text);
      ++kinds[before[i][j].planted];
      --kinds[after[i][j].planted];
      moved += before[i][j].planted != after[i][j].planted ? 1 : 0;
    }
  }
  for (const auto& [kind, count] : kinds) EXPECT_EQ(count, 0);
  EXPECT_GT(moved, 10);
}

TEST(VerdictFiguresTest, SharesOfWhatWasRefused) {
  const std::vector<ClaimScore> scores = {
      {.planted = Planted::kNothing, .refused = false},
      {.planted = Planted::kNothing, .refused = true},
      {.language = Language::kChinese, .planted = Planted::kNumber, .refused = true},
      {.planted = Planted::kName, .refused = true},
      {.planted = Planted::kDate, .refused = false},
      {.planted = Planted::kUnit, .refused = false}};
  std::map<std::string, std::optional<double>> figures;
  for (const auto& [name, value] : VerdictFigures(scores)) figures[name] = value;
  EXPECT_EQ(figures["verdict_false_caught"], 0.5);
  EXPECT_EQ(figures["verdict_swapped_caught"], std::nullopt);
  EXPECT_EQ(figures["verdict_true_flagged"], 0.5);
  const TaskFigures task = VerdictTask(scores);
  EXPECT_EQ(task.task, "verdict");
  EXPECT_EQ(task.questions, 6);
  EXPECT_EQ(task.chinese, 1);
  for (const auto& [name, value] : task.figures) figures[name] = value;
  EXPECT_EQ(figures["false_caught_chinese"], 1);
  EXPECT_EQ(figures["false_name_caught"], 1);
  EXPECT_EQ(figures["false_unit_caught"], 0);
  EXPECT_EQ(figures["true_flagged_chinese"], std::nullopt);
}

}  // namespace
}  // namespace sightline::cli
