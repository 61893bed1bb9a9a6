#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/eval_asker.h"

namespace sightline::cli {

// A named figure in [0, 1]; nothing where the model lacks the part, or nothing was asked.
using Figure = std::pair<std::string, std::optional<double>>;

// The thirteen figures of an evaluation, in their fixed order. Those over several tasks are the
// mean of the tasks' own, so that each counts alike.
std::vector<Figure> MainFigures(const std::vector<EvalScore>& scores);

// Of one task: how many questions, in which language, and the figures that such a task has.
struct TaskFigures {
  std::string task;
  int questions = 0;
  int english = 0;
  int chinese = 0;
  std::vector<Figure> figures = {};
};
std::vector<TaskFigures> FiguresByTask(const std::vector<EvalScore>& scores);

// "0.1234", or "null"; or "-".
std::string FigureJson(const std::optional<double>& value);
std::string FigureText(const std::optional<double>& value);

// {"photo_to_item":{"questions":N,"english":N,"chinese":N,"recall_at_1":X,…},…}
std::string TasksJson(const std::vector<TaskFigures>& tasks);

}  // namespace sightline::cli
