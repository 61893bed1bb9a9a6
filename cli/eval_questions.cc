#include "cli/eval_questions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tools/demo_world/random.h"

namespace sightline::cli {
namespace {

using demo_world::Task;

constexpr const char* kNames[kEvalTasks] = {
    "photo_to_item", "text_to_photo", "composed",        "text_to_page",
    "text_to_text",  "page_answer",   "table_answer",    "text_answer",
    "two_passages",  "comparison",    "abstain",         "extraction",
    "box",           "follow_up",     "photo_follow_up", "new_topic"};
// Tries for one question before a task is taken to have no more.
constexpr int kTries = 20;
constexpr uint64_t kShuffle = 1000;  // beyond the numbers of the tasks

std::vector<std::string> Ids(const demo_world::World& world, const std::vector<int>& documents) {
  std::vector<std::string> ids;
  for (const int document : documents) {
    ids.push_back(world.documents()[static_cast<size_t>(document)].id);
  }
  return ids;
}

// What the right answer says and the question does not, as its documents have it.
std::vector<std::string> ValuesOf(const demo_world::World& world,
                                  const demo_world::Question& question, const std::string& answer) {
  std::vector<std::string> values;
  for (const demo_world::World::Fact& fact : world.facts()) {
    if (std::ranges::find(question.documents, fact.document) != question.documents.end() &&
        Names(answer, fact.value) && !Names(question.text, fact.value)) {
      values.push_back(fact.value);
    }
  }
  return values;
}

}  // namespace

const char* TaskName(Task task) { return kNames[static_cast<size_t>(task)]; }

absl::StatusOr<EvalTasks> ParseTasks(absl::string_view names) {
  std::vector<std::string> wanted;
  if (!names.empty()) wanted = absl::StrSplit(names, ',');
  EvalTasks tasks = {.questions = {}, .verdict = wanted.empty(), .regions = wanted.empty()};
  for (const std::string& name : wanted) {
    if (name == kVerdictTask) {
      tasks.verdict = true;
    } else if (name == kRegionsTask) {
      tasks.regions = true;
    } else if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames)) {
      return absl::InvalidArgumentError(absl::StrCat("--tasks: no task ", name, "; there are ",
                                                     absl::StrJoin(kNames, ", "), ", ",
                                                     kVerdictTask, ", ", kRegionsTask));
    }
  }
  for (int i = 0; i < kEvalTasks; ++i) {
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), kNames[i]) != wanted.end()) {
      tasks.questions.push_back(static_cast<Task>(i));
    }
  }
  return tasks;
}

EvalQuestion Prepare(const demo_world::World& world, const demo_world::Question& question) {
  EvalQuestion out;
  out.task = question.task;
  out.language = question.language;
  out.text = question.text;
  for (const demo_world::Picture& picture : question.pictures) {
    out.pictures.push_back(EncodePng(picture));
  }
  for (const demo_world::Turn& turn : question.history) {
    EvalTurn& said = out.history.emplace_back(EvalTurn{turn.by_assistant, turn.text, {}});
    for (const demo_world::Picture& picture : turn.pictures) {
      said.pictures.push_back(EncodePng(picture));
    }
  }
  out.of_page = !question.documents.empty();
  out.gold.documents = Ids(world, question.documents);
  std::vector<std::string> sentences;
  for (const demo_world::AnswerSentence& sentence : question.answer) {
    sentences.push_back(sentence.text);
    out.gold.citations.push_back(Ids(world, sentence.documents));
  }
  out.gold.answer =
      absl::StrJoin(sentences, question.language == demo_world::Language::kEnglish ? " " : "");
  out.gold.values = ValuesOf(world, question, out.gold.answer);
  out.gold.json = question.json;
  out.gold.box = question.box;
  return out;
}

std::vector<EvalQuestion> AskAll(const demo_world::World& world, const std::vector<Task>& tasks,
                                 int count, uint64_t seed) {
  std::vector<EvalQuestion> questions;
  for (const Task task : tasks) {
    demo_world::Random random = demo_world::Random(seed).Fork(static_cast<uint64_t>(task));
    int asked = 0;
    for (int tries = 0; asked < count && tries < kTries * count; ++tries) {
      const std::optional<demo_world::Question> question = Ask(world, task, random);
      if (!question.has_value()) continue;
      questions.push_back(Prepare(world, *question));
      questions.back().id = absl::StrFormat("%s-%04d", TaskName(task), ++asked);
    }
  }
  return questions;
}

void ShuffleGold(uint64_t seed, std::vector<EvalQuestion>& questions) {
  for (int task = 0; task < kEvalTasks; ++task) {
    std::vector<EvalQuestion*> of_task;
    for (EvalQuestion& question : questions) {
      if (static_cast<int>(question.task) == task) of_task.push_back(&question);
    }
    demo_world::Random random =
        demo_world::Random(seed).Fork(kShuffle + static_cast<uint64_t>(task));
    for (int i = static_cast<int>(of_task.size()) - 1; i > 0; --i) {
      std::swap(of_task[i], of_task[random.Below(i + 1)]);
    }
    // One step along a random circle: none keeps its own.
    for (size_t i = 1; i < of_task.size(); ++i) std::swap(of_task[0]->gold, of_task[i]->gold);
  }
}

}  // namespace sightline::cli
