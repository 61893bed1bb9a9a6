#include "cli/eval_regions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cli/eval_text_page.h"

namespace sightline::cli {
namespace {

using demo_world::Box;
using demo_world::Language;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class EvalRegionsTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSeed = demo_world::kFirstEvaluationSeed + 4;

  const demo_world::World world_ =
      demo_world::World::Make(kSeed, {.items = 60, .pages = 30, .texts = 2});
};

bool Inside(const Box& box) {
  return 0 <= box.x0 && box.x0 < box.x1 && box.x1 <= 1 && 0 <= box.y0 && box.y0 < box.y1 &&
         box.y1 <= 1;
}

TEST_F(EvalRegionsTest, EachQuestionKnowsTheLineThatAnswersIt) {
  for (const bool text_layer : {false, true}) {
    const auto regions = AskRegions(world_, text_layer, 40, kSeed);
    ASSERT_EQ(regions.size(), 40u);
    int tables = 0;
    for (const EvalRegion& region : regions) {
      EXPECT_TRUE(Inside(region.place));
      EXPECT_LT((region.place.x1 - region.place.x0) * (region.place.y1 - region.place.y0), 0.5);
      EXPECT_THAT(region.question.gold.documents.front(), StartsWith("page-"));
      tables += region.question.task == demo_world::Task::kTableAnswer ? 1 : 0;
    }
    EXPECT_GT(tables, 10);
    EXPECT_LT(tables, 30);
  }
}

TEST_F(EvalRegionsTest, ShufflingGivesEachThePlaceOfAnother) {
  const auto before = AskRegions(world_, false, 20, kSeed);
  auto after = before;
  ShuffleRegions(kSeed, after);
  int moved = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i].question.text, before[i].question.text);
    moved += after[i].place.y0 != before[i].place.y0 ? 1 : 0;
  }
  EXPECT_GT(moved, 10);
}

TEST_F(EvalRegionsTest, APageOfTextHasItsWordsWhereThePictureHasThem) {
  for (const demo_world::Document& document : world_.documents()) {
    if (document.kind != demo_world::DocumentKind::kPage) continue;
    const demo_world::DrawnPage drawn = DrawPage(document.page, document.view);
    const std::string pdf = TextPage(document.page, drawn);
    EXPECT_THAT(pdf, StartsWith("%PDF"));
    if (document.language == Language::kEnglish) {
      EXPECT_THAT(pdf, HasSubstr(document.page.title));
    }
    for (const demo_world::PageLine& line : drawn.lines) {
      EXPECT_TRUE(Inside(OnTextPage(document.page, line, drawn))) << line.text;
    }
    for (const PlacedText& text : TextsOnPage(document.page, drawn)) {
      EXPECT_TRUE(Inside(text.place)) << text.text;
    }
  }
}

TEST(RegionTaskTest, WordsAndPicturesAreCountedApart) {
  RegionScore both;
  both.citations = 3;
  both.regions = {{.of_words = true, .covered = 1, .overlap = 0.2, .quoted = 0.6, .area = 0.5},
                  {.of_words = false, .covered = 0.5, .overlap = 0.6, .area = 0.1}};
  RegionScore none;
  none.language = Language::kChinese;
  const TaskFigures task = RegionTask({both, none});
  EXPECT_EQ(task.questions, 2);
  EXPECT_EQ(task.chinese, 1);
  std::map<std::string, std::optional<double>> figures(task.figures.begin(), task.figures.end());
  EXPECT_EQ(figures["page_cited"], 0.5);
  EXPECT_EQ(figures["citation_has_region"], 2.0 / 3);
  EXPECT_EQ(figures["words_covered"], 1.0);
  EXPECT_EQ(figures["words_iou50"], 0.0);
  EXPECT_EQ(figures["words_quoted_iou50"], 1.0);
  EXPECT_EQ(figures["words_area"], 0.5);
  EXPECT_EQ(figures["picture_covered"], 0.0);
  EXPECT_EQ(figures["picture_iou50"], 1.0);
  EXPECT_EQ(RegionTask({none}).figures[2].second, std::nullopt);
}

}  // namespace
}  // namespace sightline::cli
