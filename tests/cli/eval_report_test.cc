#include "cli/eval_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace sightline::cli {
namespace {

using demo_world::Language;
using demo_world::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

EvalScore Found(Task task, double value, std::optional<double> reranked = std::nullopt) {
  EvalScore score = {.task = task};
  score.found.emplace();
  score.found->by_encoder = {.recall_at_1 = value, .recall_at_5 = value, .ndcg_at_10 = value};
  if (reranked.has_value()) score.found->reranked = RankingScore{.ndcg_at_10 = *reranked};
  return score;
}

EvalScore Answered(Task task, bool exact, bool abstained, CitationCount citations) {
  EvalScore score = {.task = task};
  score.answered = {.exact = exact, .abstained = abstained, .citations = citations};
  return score;
}

std::map<std::string, std::optional<double>> Main(const std::vector<EvalScore>& scores) {
  std::map<std::string, std::optional<double>> out;
  for (const auto& [name, value] : MainFigures(scores)) out[name] = value;
  return out;
}

TEST(EvalReportTest, TheThirteenFiguresStandInTheirOrder) {
  std::vector<std::string> names;
  for (const auto& [name, value] : MainFigures({})) {
    names.push_back(name);
    EXPECT_FALSE(value.has_value()) << name;
  }
  EXPECT_THAT(names,
              ElementsAre("photo_recall_at_1", "text_photo_recall_at_1", "composed_recall_at_1",
                          "page_recall_at_5", "encoder_ndcg_at_10", "rerank_ndcg_at_10",
                          "answer_exact", "citation_precision", "citation_recall", "abstain_recall",
                          "answer_rate", "json_field_accuracy", "box_iou50"));
}

TEST(EvalReportTest, TasksCountAlikeWhateverTheirNumberOfQuestions) {
  auto figures = Main({Found(Task::kPhotoToItem, 1, 1), Found(Task::kPhotoToItem, 1, 1),
                       Found(Task::kPhotoToItem, 1, 0), Found(Task::kTextToPage, 0, 1)});
  EXPECT_EQ(figures["photo_recall_at_1"], 1);
  EXPECT_EQ(figures["page_recall_at_5"], 0);
  EXPECT_EQ(figures["encoder_ndcg_at_10"], 0.5);
  EXPECT_NEAR(*figures["rerank_ndcg_at_10"], (2.0 / 3 + 1) / 2, 1e-9);
  EXPECT_FALSE(figures["composed_recall_at_1"].has_value());
}

TEST(EvalReportTest, AnswersAndAbstentions) {
  auto figures = Main({Answered(Task::kPageAnswer, true, false, {2, 1, 1, 1}),
                       Answered(Task::kPageAnswer, false, true, {0, 0, 1, 0}),
                       Answered(Task::kTwoPassages, false, false, {1, 1, 2, 1}),
                       Answered(Task::kAbstain, false, true, {}),
                       // What it cites counts neither way: no document could have been right.
                       Answered(Task::kAbstain, false, false, {3, 0, 0, 0})});
  EXPECT_EQ(figures["answer_exact"], 0.25);
  EXPECT_EQ(figures["answer_rate"], 0.75);
  EXPECT_NEAR(*figures["citation_precision"], 2.0 / 3, 1e-9);
  EXPECT_EQ(figures["citation_recall"], 0.5);
  EXPECT_EQ(figures["abstain_recall"], 0.5);
}

TEST(EvalReportTest, TellsHowOftenAllThatIsNeededWasFound) {
  std::vector<EvalScore> scores(4, Answered(Task::kTwoPassages, false, false, {}));
  scores[0].answered->found = scores[2].answered->found = scores[3].answered->found = true;
  EXPECT_THAT(TasksJson(FiguresByTask(scores)), HasSubstr(R"("needed_found_at_8":0.7500)"));
}

TEST(EvalReportTest, FieldsAreCountedOverAllReplies) {
  EvalScore ten = {.task = Task::kExtraction};
  ten.fields = {.fields = 10, .right = 10};
  EvalScore thirty = {.task = Task::kExtraction};
  thirty.fields = {.fields = 30, .right = 0};
  EXPECT_EQ(Main({ten, thirty})["json_field_accuracy"], 0.25);
}

TEST(EvalReportTest, BoxesMustOverlapByMoreThanHalf) {
  std::vector<EvalScore> scores;
  for (const double overlap : {0.5, 0.51, 0.0, 0.9}) {
    EvalScore score = {.task = Task::kBox,
                       .language = overlap > 0.5 ? Language::kEnglish : Language::kChinese,
                       .of_page = overlap < 0.9};
    score.overlap = overlap;
    score.chat_overlap = overlap / 1.7;
    scores.push_back(score);
  }
  EXPECT_EQ(Main(scores)["box_iou50"], 0.5);
  EXPECT_THAT(
      TasksJson(FiguresByTask(scores)),
      HasSubstr(R"("box":{"questions":4,"english":2,"chinese":2,"iou50":0.5000,)"
                R"("iou50_english":1.0000,"iou50_chinese":0.0000,)"
                R"("iou50_scene_items":1.0000,"iou50_page_rows":0.3333,"chat_iou50":0.2500})"));
}

}  // namespace
}  // namespace sightline::cli
