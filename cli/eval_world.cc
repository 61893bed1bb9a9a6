#include "cli/eval_world.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/eval_asker.h"
#include "cli/eval_claims.h"
#include "cli/eval_files.h"
#include "cli/eval_pool.h"
#include "cli/eval_questions.h"
#include "cli/eval_regions.h"
#include "cli/eval_report.h"
#include "cli/eval_request.h"
#include "cli/eval_run.h"
#include "cli/eval_text_page.h"
#include "cli/json_text.h"
#include "cli/progress.h"

namespace sightline::cli {
namespace {

constexpr char kWorldPrefix[] = "demo-world:";
constexpr char kWorldName[] = "demo-world";

// One evaluation on a made-up shop.
class WorldEval {
 public:
  WorldEval(const EvalOptions& options, const Terminal& terminal, uint64_t seed, EvalTasks tasks)
      : options_(options),
        terminal_(terminal),
        seed_(seed),
        tasks_(std::move(tasks)),
        world_(demo_world::World::Make(seed, options.size)) {}

  absl::Status Run() {
    // A file that cannot be written is known before an hour of questions, not after.
    for (const std::string& file : {options_.log, options_.results}) {
      if (!file.empty()) SL_RETURN_IF_ERROR(WriteFileAtomic(file, ""));
    }
    if (!options_.run.empty()) SL_RETURN_IF_ERROR(WriteFileAtomic(options_.run + ".dense", ""));
    SL_ASSIGN_OR_RETURN(session_, EvalSession::Open(options_.session, Collection()));
    SL_RETURN_IF_ERROR(session_->CheckReranker(options_.rerank));
    SL_RETURN_IF_ERROR(Ingest());
    SL_RETURN_IF_ERROR(Ask());
    if (tasks_.verdict) SL_RETURN_IF_ERROR(Judge());
    if (tasks_.regions && session_->model().has_generator()) SL_RETURN_IF_ERROR(Point());
    return WriteFiles();
  }

  void Report() const {
    std::vector<Figure> figures = MainFigures(scores_);
    // Of pages that are pictures the task's figures tell apart: gates have no words of them.
    std::vector<ClaimScore> of_words;
    std::ranges::copy_if(verdicts_, std::back_inserter(of_words), [this](const ClaimScore& score) {
      return score.source == ClaimSource::kText || options_.text_layer;
    });
    for (Figure& figure : VerdictFigures(of_words)) figures.push_back(std::move(figure));
    std::vector<TaskFigures> by_task = FiguresByTask(scores_);
    if (!verdicts_.empty()) by_task.push_back(VerdictTask(verdicts_));
    if (!regions_.empty()) by_task.push_back(RegionTask(regions_));
    if (options_.json) {
      JsonObject out;
      for (const auto& [name, value] : figures) out.Raw(name, FigureJson(value));
      out.Raw("details", Details(by_task));
      PrintLine(out.Done());
      return;
    }
    Table main({"figure", ""}, {Table::kLeft, Table::kRight});
    for (const auto& [name, value] : figures) main.Add({name, FigureText(value)});
    Print(main.Render(terminal_));
    Table tasks({"task", "questions", "figure", ""},
                {Table::kLeft, Table::kRight, Table::kLeft, Table::kRight});
    for (const TaskFigures& task : by_task) {
      for (const auto& [name, value] : task.figures) {
        tasks.Add({task.task, absl::StrCat(task.questions), name, FigureText(value)});
      }
    }
    Print("\n" + tasks.Render(terminal_));
    Print("\n" + latencies_.Render(terminal_));
    if (!session_->kept_data().empty()) PrintLine("\n" + session_->KeptText());
  }

 private:
  // Worlds of one seed and different sizes differ in more than their number of documents.
  std::string Collection() const {
    const demo_world::WorldSize& size = options_.size;
    return absl::StrCat(kWorldName, "-", seed_, "-", size.items, "-", size.pages, "-", size.texts,
                        options_.text_layer ? "-text-layer" : "");
  }

  // Each document is drawn when its turn comes, so that drawing and reading go on at once.
  absl::Status Ingest() {
    const absl::Time start = absl::Now();
    Progress progress(terminal_, options_.Silent(terminal_),
                      {.items = static_cast<int64_t>(world_.documents().size())});
    SL_RETURN_IF_ERROR(session_->Ingest(
        [this](const IngestVisitor& visitor) -> absl::Status {
          for (const demo_world::Document& document : world_.documents()) {
            IngestItem item;
            item.id = document.id;
            SL_ASSIGN_OR_RETURN(item.path, WriteFile(document));
            SL_RETURN_IF_ERROR(visitor.item(std::move(item)));
          }
          return absl::OkStatus();
        },
        progress));
    progress.Clear();
    ingest_seconds_ = absl::ToDoubleSeconds(absl::Now() - start);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> WriteFile(const demo_world::Document& document) {
    if (!options_.text_layer || document.kind != demo_world::DocumentKind::kPage) {
      return session_->WriteFile(document.file_name, world_.File(document));
    }
    return session_->WriteFile(absl::StrCat(document.id, ".pdf"),
                               TextPage(document.page, DrawPage(document.page, document.view)));
  }

  absl::Status Ask() {
    std::vector<EvalQuestion> questions = AskAll(world_, tasks_.questions, options_.queries, seed_);
    if (options_.shuffled) ShuffleGold(seed_, questions);
    if (options_.no_history) {
      for (EvalQuestion& question : questions) question.history.clear();
    }
    const int count = static_cast<int>(questions.size());
    Progress progress(terminal_, options_.Silent(terminal_), {.items = count, .what = "questions"});
    absl::Mutex mu;
    std::vector<std::optional<EvalScore>> scores(questions.size());
    SL_RETURN_IF_ERROR(ForEach(count, [&](int i) -> absl::Status {
      auto score =
          AskAndScore(*session_, questions[i],
                      {.quoted = options_.quoted, .reranked = options_.rerank}, latencies_);
      if (!score.ok()) {
        return Annotate(score.status(), absl::StrCat(TaskName(questions[i].task), " question"));
      }
      progress.Add(0, false);
      absl::MutexLock lock(&mu);
      scores[i] = *std::move(score);
      return absl::OkStatus();
    }));
    progress.Clear();
    for (std::optional<EvalScore>& score : scores) {
      if (score.has_value()) scores_.push_back(*std::move(score));
    }
    return absl::OkStatus();
  }

  // Claims go after the questions: their order is told by the seed alone.
  absl::Status Judge() {
    auto claims = MakeClaims(world_, options_.queries, seed_);
    if (options_.shuffled) ShuffleClaims(seed_, claims);
    const int count = static_cast<int>(claims.size());
    Progress progress(terminal_, options_.Silent(terminal_), {.items = count, .what = "claims"});
    std::vector<std::vector<ClaimScore>> scores(claims.size());
    SL_RETURN_IF_ERROR(ForEach(count, [&](int i) -> absl::Status {
      auto judged = CheckClaims(*session_, claims[i], latencies_);
      if (!judged.ok()) return Annotate(judged.status(), "verdict task");
      scores[i] = *std::move(judged);
      progress.Add(0, false);
      return absl::OkStatus();
    }));
    progress.Clear();
    for (std::vector<ClaimScore>& some : scores) {
      std::move(some.begin(), some.end(), std::back_inserter(verdicts_));
    }
    return absl::OkStatus();
  }

  absl::Status Point() {
    auto regions = AskRegions(world_, options_.text_layer, options_.queries, seed_);
    if (options_.shuffled) ShuffleRegions(seed_, regions);
    const int count = static_cast<int>(regions.size());
    Progress progress(terminal_, options_.Silent(terminal_), {.items = count, .what = "regions"});
    regions_.resize(regions.size());
    SL_RETURN_IF_ERROR(ForEach(count, [&](int i) -> absl::Status {
      auto score = AskRegion(*session_, regions[i], options_.rerank, latencies_);
      if (!score.ok()) return Annotate(score.status(), "regions task");
      regions_[i] = *std::move(score);
      progress.Add(0, false);
      return absl::OkStatus();
    }));
    progress.Clear();
    return absl::OkStatus();
  }

  absl::Status WriteFiles() const {
    if (!options_.log.empty()) {
      std::string log;
      for (const EvalScore& score : scores_) absl::StrAppend(&log, score.record, "\n");
      for (const RegionScore& score : regions_) absl::StrAppend(&log, score.record, "\n");
      for (const ClaimScore& score : verdicts_) absl::StrAppend(&log, score.record, "\n");
      SL_RETURN_IF_ERROR(WriteFileAtomic(options_.log, log));
    }
    if (!options_.run.empty()) SL_RETURN_IF_ERROR(WriteRuns());
    if (options_.results.empty()) return absl::OkStatus();
    return WriteFileAtomic(options_.results,
                           MtebResults(Collection(), absl::StrCat(seed_), "test", Results(),
                                       absl::ToDoubleSeconds(absl::Now() - start_)));
  }

  absl::Status WriteRuns() const {
    std::string dense, reranked;
    for (const EvalScore& score : scores_) {
      if (!score.found.has_value()) continue;
      dense += RunLines(score.id, score.found->by_encoder_documents, "dense");
      reranked += RunLines(score.id, score.found->reranked_documents, "reranked");
    }
    SL_RETURN_IF_ERROR(WriteFileAtomic(options_.run + ".dense", dense));
    if (reranked.empty()) return absl::OkStatus();
    return WriteFileAtomic(options_.run + ".reranked", reranked);
  }

  // Each task that searches, as the encoder and as the reranker order what was found.
  std::vector<ResultRow> Results() const {
    std::vector<ResultRow> rows;
    for (const demo_world::Task task : tasks_.questions) {
      ResultRow dense = {.subset = TaskName(task), .depth = kReranked};
      ResultRow reranked = {.subset = absl::StrCat(TaskName(task), "_reranked"),
                            .depth = kReranked};
      for (const EvalScore& score : scores_) {
        if (score.task != task || !score.found.has_value()) continue;
        dense.scores.push_back(score.found->by_encoder);
        if (score.found->reranked.has_value()) reranked.scores.push_back(*score.found->reranked);
      }
      rows.push_back(std::move(dense));
      rows.push_back(std::move(reranked));
    }
    return rows;
  }

  std::string Details(const std::vector<TaskFigures>& by_task) const {
    JsonObject details;
    details.Text("dataset", options_.dataset)
        .Raw("world_seed", absl::StrCat(seed_))
        .Number("items", options_.size.items)
        .Number("pages", options_.size.pages)
        .Number("texts", options_.size.texts)
        .Bool("text_layer", options_.text_layer)
        .Bool("quoted", options_.quoted)
        .Bool("rerank", options_.rerank)
        .Number("documents", static_cast<int64_t>(world_.documents().size()))
        .Number("queries", options_.queries)
        .Raw("tasks", TasksJson(by_task));
    return AddRun(options_, *session_, latencies_, ingest_seconds_, start_, details).Done();
  }

  const EvalOptions& options_;
  const Terminal& terminal_;
  const absl::Time start_ = absl::Now();
  const uint64_t seed_;
  const EvalTasks tasks_;
  const demo_world::World world_;
  std::unique_ptr<EvalSession> session_;
  Latencies latencies_;
  std::vector<EvalScore> scores_;
  std::vector<ClaimScore> verdicts_;
  std::vector<RegionScore> regions_;
  double ingest_seconds_ = 0;
};

}  // namespace

bool NamesWorld(const std::string& dataset) { return absl::StartsWith(dataset, kWorldName); }

absl::StatusOr<uint64_t> WorldSeed(const std::string& dataset) {
  absl::string_view text = dataset;
  uint64_t seed = 0;
  if (!absl::ConsumePrefix(&text, kWorldPrefix) || !absl::SimpleAtoi(text, &seed)) {
    return absl::InvalidArgumentError(absl::StrCat("--dataset ", dataset, ": expected ",
                                                   kWorldPrefix, "SEED, with a whole number"));
  }
  return seed < demo_world::kFirstEvaluationSeed ? demo_world::kFirstEvaluationSeed + seed : seed;
}

absl::Status EvalWorld(const EvalOptions& given, const Terminal& terminal) {
  EvalOptions options = given;
  if (options.queries == 0) options.queries = kDefaultQueries;
  SL_ASSIGN_OR_RETURN(const uint64_t seed, WorldSeed(options.dataset));
  SL_ASSIGN_OR_RETURN(EvalTasks tasks, ParseTasks(options.tasks));
  options.session.seed = seed;
  WorldEval eval(options, terminal, seed, std::move(tasks));
  SL_RETURN_IF_ERROR(eval.Run());
  eval.Report();
  return absl::OkStatus();
}

}  // namespace sightline::cli
