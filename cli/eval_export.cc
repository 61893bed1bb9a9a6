#include "cli/eval_export.h"

#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/eval_files.h"
#include "cli/eval_questions.h"
#include "cli/eval_world.h"
#include "cli/interrupt.h"
#include "cli/json_text.h"
#include "cli/progress.h"

namespace sightline::cli {
namespace {

namespace fs = std::filesystem;
using demo_world::Task;

absl::Status MakeFolders(const std::string& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error) && !error) {
    return absl::AlreadyExistsError(absl::StrCat("--export ", folder, ": is not empty"));
  }
  for (const char* name : {"/images/queries", "/qrels"}) {
    if (!error) fs::create_directories(folder + name, error);
  }
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  return absl::OkStatus();
}

bool IsAnswered(Task task) {
  switch (task) {
    case Task::kPageAnswer:
    case Task::kTableAnswer:
    case Task::kTextAnswer:
    case Task::kTwoPassages:
    case Task::kComparison:
    case Task::kAbstain: return true;
    default: return false;
  }
}

bool HasPlace(const EvalQuestion& question) {
  return question.task != Task::kExtraction && question.task != Task::kBox &&
         question.history.empty() && question.pictures.size() <= 1;
}

// The documents that a reply should find or cite.
std::set<std::string> RightDocuments(const EvalQuestion& question) {
  std::set<std::string> out(question.gold.documents.begin(), question.gold.documents.end());
  for (const std::vector<std::string>& documents : question.gold.citations) {
    out.insert(documents.begin(), documents.end());
  }
  return out;
}

// Adds the line of a query, and those of its judgements; writes its picture.
absl::Status AddQuery(const std::string& folder, const EvalQuestion& question, std::string& queries,
                      std::string& judgements) {
  JsonObject line;
  line.Text("_id", question.id);
  if (!question.text.empty()) line.Text("text", question.text);
  if (!question.pictures.empty()) {
    const std::string name = absl::StrCat("images/queries/", question.id, ".png");
    SL_RETURN_IF_ERROR(WriteUnsynced(absl::StrCat(folder, "/", name), question.pictures[0]));
    line.Text("image", name);
  }
  if (IsAnswered(question.task)) {
    line.Raw("answer", question.gold.answer.empty() ? "[]" : JsonString(question.gold.answer));
  }
  absl::StrAppend(&queries, line.Done(), "\n");
  for (const std::string& document : RightDocuments(question)) {
    absl::StrAppend(&judgements, question.id, "\t", document, "\t1\n");
  }
  return absl::OkStatus();
}

absl::Status WriteCorpus(const demo_world::World& world, const std::string& folder,
                         Progress& progress) {
  std::string corpus;
  for (const demo_world::Document& document : world.documents()) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    JsonObject line;
    line.Text("_id", document.id);
    if (document.kind == demo_world::DocumentKind::kText) {
      line.Text("text", document.text);
    } else {
      const std::string name = "images/" + document.file_name;
      SL_RETURN_IF_ERROR(WriteUnsynced(absl::StrCat(folder, "/", name), world.File(document)));
      line.Text("image", name);
    }
    absl::StrAppend(&corpus, line.Done(), "\n");
    progress.Add(0, false);
  }
  return WriteFileAtomic(folder + "/corpus.jsonl", corpus);
}

}  // namespace

absl::Status ExportWorld(const EvalOptions& options, const Terminal& terminal) {
  const std::string& folder = options.export_to;
  SL_ASSIGN_OR_RETURN(const uint64_t seed, WorldSeed(options.dataset));
  SL_ASSIGN_OR_RETURN(const EvalTasks tasks, ParseTasks(options.tasks));
  SL_RETURN_IF_ERROR(MakeFolders(folder));
  const demo_world::World world = demo_world::World::Make(seed, options.size);
  Progress progress(terminal, options.Silent(terminal),
                    {.items = static_cast<int64_t>(world.documents().size())});
  SL_RETURN_IF_ERROR(WriteCorpus(world, folder, progress));
  progress.Clear();
  const int count = options.queries == 0 ? kDefaultQueries : options.queries;
  std::string queries;
  std::string judgements = "query-id\tcorpus-id\tscore\n";
  int asked = 0;
  for (const EvalQuestion& question : AskAll(world, tasks.questions, count, seed)) {
    if (!HasPlace(question)) continue;
    SL_RETURN_IF_ERROR(AddQuery(folder, question, queries, judgements));
    ++asked;
  }
  SL_RETURN_IF_ERROR(WriteFileAtomic(folder + "/queries.jsonl", queries));
  SL_RETURN_IF_ERROR(WriteFileAtomic(folder + "/qrels/test.tsv", judgements));
  const int64_t documents = static_cast<int64_t>(world.documents().size());
  PrintLine(options.json
                ? JsonObject()
                      .Text("folder", folder)
                      .Number("documents", documents)
                      .Number("queries", asked)
                      .Done()
                : absl::StrCat(folder, ": ", documents, " documents, ", asked, " queries"));
  return absl::OkStatus();
}

}  // namespace sightline::cli
