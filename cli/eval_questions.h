#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/eval_answer.h"
#include "tools/demo_world/questions.h"
#include "tools/demo_world/world.h"

namespace sightline::cli {

inline constexpr int kEvalTasks = 16;
// Beside those of the enum: claims to be judged, see eval_claims.h.
inline constexpr char kVerdictTask[] = "verdict";
// Answers whose citations point to places, see eval_regions.h.
inline constexpr char kRegionsTask[] = "regions";
// "photo_to_item", "text_to_photo", …
const char* TaskName(demo_world::Task task);
struct EvalTasks {
  std::vector<demo_world::Task> questions;  // in the order of the enum
  bool verdict = false;
  bool regions = false;
};
// Names with commas between; empty means all. kInvalidArgument: no such task.
absl::StatusOr<EvalTasks> ParseTasks(absl::string_view names);

// What stands against a reply.
struct Gold {
  std::vector<std::string> documents;  // ids
  std::string answer;                  // its sentences, without markers; empty when none exists
  std::vector<std::string> values;     // of the answer, as the documents have them
  GoldCitations citations;
  std::string json;
  std::optional<demo_world::Box> box;
};

// What was said before a question.
struct EvalTurn {
  bool by_assistant = false;
  std::string text;
  std::vector<std::string> pictures;  // PNG
};

// A question of the demo world in the form in which it is asked.
struct EvalQuestion {
  std::string id;  // "photo_to_item-0001"
  demo_world::Task task = demo_world::Task::kTextAnswer;
  demo_world::Language language = demo_world::Language::kEnglish;
  std::string text;
  std::vector<std::string> pictures;  // PNG
  std::vector<EvalTurn> history;      // oldest first
  bool of_page = false;               // kBox: a row of a page, not an item of a scene
  Gold gold;
};

// A question of `world`, without an id.
EvalQuestion Prepare(const demo_world::World& world, const demo_world::Question& question);

// `count` questions of each task, fewer where the world holds too little to ask so. Those of a task
// depend on `seed`, the task and the world alone.
std::vector<EvalQuestion> AskAll(const demo_world::World& world,
                                 const std::vector<demo_world::Task>& tasks, int count,
                                 uint64_t seed);

// Gives each question the gold of another one of its task, as long as there are two.
void ShuffleGold(uint64_t seed, std::vector<EvalQuestion>& questions);

}  // namespace sightline::cli
