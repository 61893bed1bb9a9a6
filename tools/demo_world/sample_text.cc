#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/demo_world/questions.h"

namespace sightline::demo_world {
namespace {

void AddPageLines(const PageContent& page, std::vector<std::string>* lines) {
  lines->push_back(page.title);
  lines->insert(lines->end(), page.head.begin(), page.head.end());
  std::string columns;
  for (const std::string& column : page.columns) {
    absl::StrAppend(&columns, columns.empty() ? "" : " ", column);
  }
  if (!columns.empty()) lines->push_back(std::move(columns));
  for (const PageRow& row : page.rows) {
    std::string line = row.label;
    for (const std::string& cell : row.cells) absl::StrAppend(&line, " ", cell);
    lines->push_back(std::move(line));
  }
  lines->insert(lines->end(), page.foot.begin(), page.foot.end());
}

void AddQuestionLines(const Question& question, std::vector<std::string>* lines) {
  if (!question.text.empty()) lines->push_back(question.text);
  for (const AnswerSentence& sentence : question.answer) lines->push_back(sentence.text);
  if (!question.json.empty()) lines->push_back(question.json);
}

}  // namespace

std::vector<std::string> SampleText(uint64_t seed, int lines) {
  // Of those with a picture only a few, since it is drawn for nothing.
  constexpr std::array kTasks = {
      Task::kTextToPhoto, Task::kTextToPhoto, Task::kTextToPhoto, Task::kTextToPhoto,
      Task::kComposed,    Task::kTextToPage,  Task::kTextToPage,  Task::kPageAnswer,
      Task::kPageAnswer,  Task::kTableAnswer, Task::kTableAnswer, Task::kTextAnswer,
      Task::kTextAnswer,  Task::kTwoPassages, Task::kTwoPassages, Task::kComparison,
      Task::kAbstain,     Task::kExtraction,  Task::kBox};
  std::vector<std::string> text;
  Random random(seed);
  while (static_cast<int>(text.size()) < lines) {
    const World world =
        World::Make(random.Next() % kFirstEvaluationSeed, {.items = 40, .pages = 12, .texts = 30});
    for (const Document& document : world.documents()) {
      if (document.kind == DocumentKind::kPage) AddPageLines(document.page, &text);
      if (document.kind == DocumentKind::kText) text.push_back(document.text);
    }
    for (const Task task : kTasks) {
      if (const auto question = Ask(world, task, random)) AddQuestionLines(*question, &text);
    }
  }
  text.resize(lines);
  return text;
}

}  // namespace sightline::demo_world
