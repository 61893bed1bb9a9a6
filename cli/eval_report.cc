#include "cli/eval_report.h"

#include <algorithm>
#include <functional>
#include <span>

#include "absl/strings/str_format.h"
#include "cli/json_text.h"

namespace sightline::cli {
namespace {

using demo_world::Language;
using demo_world::Task;

constexpr Task kToFind[] = {Task::kPhotoToItem, Task::kTextToPhoto, Task::kComposed,
                            Task::kTextToPage, Task::kTextToText};
constexpr Task kToAnswer[] = {Task::kPageAnswer, Task::kTableAnswer, Task::kTextAnswer,
                              Task::kTwoPassages, Task::kComparison};

// A score's part of a mean: its value and weight; nothing when it has none.
struct Share {
  double right = 0;
  double all = 1;
};
using Value = std::function<std::optional<Share>(const EvalScore&)>;

std::optional<double> Mean(const std::vector<EvalScore>& scores, const Value& value) {
  Share sum = {0, 0};
  bool any = false;
  for (const EvalScore& score : scores) {
    const std::optional<Share> share = value(score);
    if (!share.has_value()) continue;
    any = true;
    sum.right += share->right;
    sum.all += share->all;
  }
  if (!any) return std::nullopt;
  return sum.all > 0 ? sum.right / sum.all : 0;
}

std::vector<EvalScore> Of(const std::vector<EvalScore>& scores, Task task) {
  std::vector<EvalScore> out;
  std::copy_if(scores.begin(), scores.end(), std::back_inserter(out),
               [task](const EvalScore& score) { return score.task == task; });
  return out;
}

std::optional<double> MeanOfTasks(const std::vector<EvalScore>& scores, std::span<const Task> tasks,
                                  const Value& value) {
  double sum = 0;
  int count = 0;
  for (const Task task : tasks) {
    const std::optional<double> mean = Mean(Of(scores, task), value);
    if (!mean.has_value()) continue;
    sum += *mean;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

Value FoundValue(double RankingScore::* field) {
  return [field](const EvalScore& score) -> std::optional<Share> {
    if (!score.found.has_value()) return std::nullopt;
    return Share{score.found->by_encoder.*field};
  };
}

std::optional<Share> Reranked(const EvalScore& score) {
  if (!score.found.has_value() || !score.found->reranked.has_value()) return std::nullopt;
  return Share{score.found->reranked->ndcg_at_10};
}

Value AnsweredValue(const std::function<Share(const EvalScore::Answered&)>& value) {
  return [value](const EvalScore& score) -> std::optional<Share> {
    if (!score.answered.has_value()) return std::nullopt;
    return value(*score.answered);
  };
}

const Value kExact =
    AnsweredValue([](const EvalScore::Answered& a) { return Share{a.exact ? 1.0 : 0.0}; });
const Value kHeld =
    AnsweredValue([](const EvalScore::Answered& a) { return Share{a.held ? 1.0 : 0.0}; });
const Value kAbstained =
    AnsweredValue([](const EvalScore::Answered& a) { return Share{a.abstained ? 1.0 : 0.0}; });
const Value kAnswered =
    AnsweredValue([](const EvalScore::Answered& a) { return Share{a.abstained ? 0.0 : 1.0}; });
const Value kNeededFound =
    AnsweredValue([](const EvalScore::Answered& a) { return Share{a.found ? 1.0 : 0.0}; });
const Value kPrecision = AnsweredValue([](const EvalScore::Answered& a) {
  return Share{static_cast<double>(a.citations.right), static_cast<double>(a.citations.citations)};
});
const Value kRecall = AnsweredValue([](const EvalScore::Answered& a) {
  return Share{static_cast<double>(a.citations.cited), static_cast<double>(a.citations.pairs)};
});

std::optional<Share> Fields(const EvalScore& score) {
  if (!score.fields.has_value()) return std::nullopt;
  return Share{static_cast<double>(score.fields->right), static_cast<double>(score.fields->fields)};
}

Value HitValue(std::optional<double> EvalScore::* overlap) {
  return [overlap](const EvalScore& score) -> std::optional<Share> {
    if (!(score.*overlap).has_value()) return std::nullopt;
    return Share{*(score.*overlap) > 0.5 ? 1.0 : 0.0};
  };
}

const Value kHit = HitValue(&EvalScore::overlap);
const Value kChatHit = HitValue(&EvalScore::chat_overlap);

Value InLanguage(Language language, const Value& value) {
  return [language, value](const EvalScore& score) {
    return score.language == language ? value(score) : std::nullopt;
  };
}

// The value as a whole, then of each language.
void AddByLanguage(const std::string& name, const Value& value,
                   const std::vector<EvalScore>& scores, std::vector<Figure>& out) {
  out.emplace_back(name, Mean(scores, value));
  out.emplace_back(name + "_english", Mean(scores, InLanguage(Language::kEnglish, value)));
  out.emplace_back(name + "_chinese", Mean(scores, InLanguage(Language::kChinese, value)));
}

std::vector<Figure> FiguresOf(Task task, const std::vector<EvalScore>& scores) {
  std::vector<Figure> out;
  switch (task) {
    case Task::kPhotoToItem:
    case Task::kTextToPhoto:
    case Task::kComposed:
    case Task::kTextToPage:
    case Task::kTextToText:
    case Task::kFollowUp:
    case Task::kPhotoFollowUp:
    case Task::kNewTopic:
      AddByLanguage("recall_at_1", FoundValue(&RankingScore::recall_at_1), scores, out);
      out.emplace_back("recall_at_5", Mean(scores, FoundValue(&RankingScore::recall_at_5)));
      out.emplace_back("recall_at_10", Mean(scores, FoundValue(&RankingScore::recall_at_10)));
      out.emplace_back("mrr_at_10", Mean(scores, FoundValue(&RankingScore::mrr_at_10)));
      out.emplace_back("ndcg_at_10", Mean(scores, FoundValue(&RankingScore::ndcg_at_10)));
      out.emplace_back("rerank_ndcg_at_10", Mean(scores, Reranked));
      break;
    case Task::kPageAnswer:
    case Task::kTableAnswer:
    case Task::kTextAnswer:
    case Task::kTwoPassages:
    case Task::kComparison:
      AddByLanguage("exact", kExact, scores, out);
      out.emplace_back("held", Mean(scores, kHeld));
      out.emplace_back("answered", Mean(scores, kAnswered));
      out.emplace_back("needed_found_at_8", Mean(scores, kNeededFound));
      out.emplace_back("citation_precision", Mean(scores, kPrecision));
      out.emplace_back("citation_recall", Mean(scores, kRecall));
      break;
    case Task::kAbstain: AddByLanguage("abstained", kAbstained, scores, out); break;
    case Task::kExtraction: AddByLanguage("field_accuracy", Fields, scores, out); break;
    case Task::kBox:
      AddByLanguage("iou50", kHit, scores, out);
      for (const bool page : {false, true}) {
        out.emplace_back(page ? "iou50_page_rows" : "iou50_scene_items",
                         Mean(scores, [page](const EvalScore& score) {
                           return score.of_page == page ? kHit(score) : std::nullopt;
                         }));
      }
      out.emplace_back("chat_iou50", Mean(scores, kChatHit));
      break;
  }
  return out;
}

}  // namespace

std::vector<Figure> MainFigures(const std::vector<EvalScore>& scores) {
  const Value first = FoundValue(&RankingScore::recall_at_1);
  std::vector<EvalScore> answerable;
  for (const Task task : kToAnswer) {
    for (const EvalScore& score : Of(scores, task)) answerable.push_back(score);
  }
  return {
      {"photo_recall_at_1", Mean(Of(scores, Task::kPhotoToItem), first)},
      {"text_photo_recall_at_1", Mean(Of(scores, Task::kTextToPhoto), first)},
      {"composed_recall_at_1", Mean(Of(scores, Task::kComposed), first)},
      {"page_recall_at_5",
       Mean(Of(scores, Task::kTextToPage), FoundValue(&RankingScore::recall_at_5))},
      {"encoder_ndcg_at_10", MeanOfTasks(scores, kToFind, FoundValue(&RankingScore::ndcg_at_10))},
      {"rerank_ndcg_at_10", MeanOfTasks(scores, kToFind, Reranked)},
      {"answer_exact", MeanOfTasks(scores, kToAnswer, kExact)},
      {"citation_precision", Mean(answerable, kPrecision)},
      {"citation_recall", Mean(answerable, kRecall)},
      {"abstain_recall", Mean(Of(scores, Task::kAbstain), kAbstained)},
      {"answer_rate", MeanOfTasks(scores, kToAnswer, kAnswered)},
      {"json_field_accuracy", Mean(Of(scores, Task::kExtraction), Fields)},
      {"box_iou50", Mean(Of(scores, Task::kBox), kHit)},
  };
}

std::vector<TaskFigures> FiguresByTask(const std::vector<EvalScore>& scores) {
  std::vector<TaskFigures> out;
  for (int i = 0; i < kEvalTasks; ++i) {
    const auto task = static_cast<Task>(i);
    const std::vector<EvalScore> of_task = Of(scores, task);
    if (of_task.empty()) continue;
    TaskFigures figures = {.task = TaskName(task), .questions = static_cast<int>(of_task.size())};
    for (const EvalScore& score : of_task) {
      ++(score.language == Language::kEnglish ? figures.english : figures.chinese);
    }
    figures.figures = FiguresOf(task, of_task);
    out.push_back(std::move(figures));
  }
  return out;
}

std::string FigureJson(const std::optional<double>& value) {
  return value.has_value() ? absl::StrFormat("%.4f", *value) : "null";
}

std::string FigureText(const std::optional<double>& value) {
  return value.has_value() ? absl::StrFormat("%.4f", *value) : "-";
}

std::string TasksJson(const std::vector<TaskFigures>& tasks) {
  JsonObject out;
  for (const TaskFigures& task : tasks) {
    JsonObject one;
    one.Number("questions", task.questions);
    one.Number("english", task.english);
    one.Number("chinese", task.chinese);
    for (const auto& [name, value] : task.figures) one.Raw(name, FigureJson(value));
    out.Raw(task.task, one.Done());
  }
  return out.Done();
}

}  // namespace sightline::cli
