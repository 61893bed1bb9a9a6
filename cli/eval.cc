#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/eval_asker.h"
#include "cli/eval_pool.h"
#include "cli/eval_questions.h"
#include "cli/eval_report.h"
#include "cli/eval_session.h"
#include "cli/exit_code.h"
#include "cli/json_text.h"
#include "cli/progress.h"
#include "proto/reply_json.h"
#include "tools/demo_world/world.h"

namespace sightline::cli {
namespace {

constexpr char kWorldPrefix[] = "demo-world:";

struct EvalArguments {
  std::string dataset;
  int queries = 100;
  demo_world::WorldSize size;
  std::string tasks;
  EvalSessionOptions session;
  bool shuffled = false;
  bool json = false;
};

// The seed of the world, of the half that is for evaluation.
absl::StatusOr<uint64_t> WorldSeed(const std::string& dataset) {
  absl::string_view text = dataset;
  uint64_t seed = 0;
  if (!absl::ConsumePrefix(&text, kWorldPrefix) || !absl::SimpleAtoi(text, &seed)) {
    return absl::InvalidArgumentError(absl::StrCat("--dataset ", dataset, ": expected ",
                                                   kWorldPrefix, "SEED, with a whole number"));
  }
  return seed < demo_world::kFirstEvaluationSeed ? demo_world::kFirstEvaluationSeed + seed : seed;
}

absl::Status Check(const EvalArguments& arguments) {
  const EvalSessionOptions& session = arguments.session;
  if (!session.server.empty() && (!session.data.empty() || !session.model.empty())) {
    return absl::InvalidArgumentError(
        "--server excludes --data and --model: a running server has its own");
  }
  if (!session.server.empty() && session.untrained) {
    return absl::InvalidArgumentError(
        "--untrained replaces the weights of a private server: leave --server out");
  }
  return absl::OkStatus();
}

// One evaluation on a made-up shop.
class WorldEval {
 public:
  WorldEval(const EvalArguments& arguments, const Environment& environment, uint64_t seed,
            std::vector<demo_world::Task> tasks)
      : arguments_(arguments),
        terminal_(environment.terminal),
        seed_(seed),
        tasks_(std::move(tasks)),
        world_(demo_world::World::Make(seed, arguments.size)) {}

  absl::Status Run() {
    SL_ASSIGN_OR_RETURN(session_,
                        EvalSession::Open(arguments_.session, absl::StrCat("demo-world-", seed_)));
    SL_RETURN_IF_ERROR(Ingest());
    return Ask();
  }

  void Report() const {
    const std::vector<Figure> figures = MainFigures(scores_);
    const std::vector<TaskFigures> by_task = FiguresByTask(scores_);
    if (arguments_.json) {
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
        tasks.Add({TaskName(task.task), absl::StrCat(task.questions), name, FigureText(value)});
      }
    }
    Print("\n" + tasks.Render(terminal_));
    Table times({"call", "calls", "p50 ms", "p95 ms", "p99 ms"},
                {Table::kLeft, Table::kRight, Table::kRight, Table::kRight, Table::kRight});
    for (std::vector<std::string>& row : latencies_.Rows()) times.Add(std::move(row));
    Print("\n" + times.Render(terminal_));
    if (!session_->kept_data().empty()) {
      PrintLine(absl::StrCat("\nkept in ", session_->kept_data(), ", collection ",
                             session_->collection()));
    }
  }

 private:
  static std::string FigureText(const std::optional<double>& value) {
    return value.has_value() ? absl::StrFormat("%.4f", *value) : "-";
  }

  bool silent() const { return arguments_.json && !terminal_.err_is_terminal; }

  // Each document is drawn when its turn comes, so that drawing and reading go on at once.
  absl::Status Ingest() {
    const absl::Time start = absl::Now();
    Progress progress(terminal_, silent(),
                      {.items = static_cast<int64_t>(world_.documents().size())});
    SL_RETURN_IF_ERROR(session_->Ingest(
        [this](const IngestVisitor& visitor) -> absl::Status {
          for (const demo_world::Document& document : world_.documents()) {
            IngestItem item;
            item.id = document.id;
            item.path = session_->scratch() + "/" + document.file_name;
            SL_RETURN_IF_ERROR(
                WriteFileAtomic(item.path, document.kind == demo_world::DocumentKind::kText
                                               ? document.text + "\n"
                                               : EncodePng(world_.Draw(document))));
            SL_RETURN_IF_ERROR(visitor.item(std::move(item)));
          }
          return absl::OkStatus();
        },
        progress));
    progress.Clear();
    ingest_seconds_ = absl::ToDoubleSeconds(absl::Now() - start);
    return absl::OkStatus();
  }

  absl::Status Ask() {
    std::vector<EvalQuestion> questions = AskAll(world_, tasks_, arguments_.queries, seed_);
    if (arguments_.shuffled) ShuffleGold(seed_, questions);
    const int count = static_cast<int>(questions.size());
    Progress progress(terminal_, silent(), {.items = count, .what = "questions"});
    absl::Mutex mu;
    std::vector<std::optional<EvalScore>> scores(questions.size());
    SL_RETURN_IF_ERROR(ForEach(count, [&](int i) -> absl::Status {
      auto score = AskAndScore(*session_, questions[i], latencies_);
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
      if (score.has_value()) scores_.push_back(*score);
    }
    return absl::OkStatus();
  }

  std::string Details(const std::vector<TaskFigures>& by_task) const {
    return JsonObject()
        .Text("dataset", arguments_.dataset)
        .Raw("world_seed", absl::StrCat(seed_))
        .Number("items", arguments_.size.items)
        .Number("pages", arguments_.size.pages)
        .Number("texts", arguments_.size.texts)
        .Number("documents", static_cast<int64_t>(world_.documents().size()))
        .Number("queries", arguments_.queries)
        .Bool("shuffled", arguments_.shuffled)
        .Bool("untrained", arguments_.session.untrained)
        .Raw("tasks", TasksJson(by_task))
        .Raw("latency_ms", latencies_.Json())
        .Number("clients", kEvalClients)
        .Real("ingest_seconds", ingest_seconds_)
        .Real("seconds", absl::ToDoubleSeconds(absl::Now() - start_))
        .Raw("model", ModelJson(session_->model()))
        .Raw("data", session_->kept_data().empty() ? "null" : JsonString(session_->kept_data()))
        .Text("collection", session_->collection())
        .Done();
  }

  const EvalArguments& arguments_;
  const Terminal& terminal_;
  const absl::Time start_ = absl::Now();
  const uint64_t seed_;
  const std::vector<demo_world::Task> tasks_;
  const demo_world::World world_;
  std::unique_ptr<EvalSession> session_;
  Latencies latencies_;
  std::vector<EvalScore> scores_;
  double ingest_seconds_ = 0;
};

int Eval(EvalArguments& arguments, const Environment& environment) {
  const bool json = arguments.json;
  if (const auto status = Check(arguments); !status.ok()) return ReportFailure(status, json);
  const auto seed = WorldSeed(arguments.dataset);
  if (!seed.ok()) return ReportFailure(seed.status(), json);
  auto tasks = ParseTasks(arguments.tasks);
  if (!tasks.ok()) return ReportFailure(tasks.status(), json);
  arguments.session.seed = *seed;
  arguments.session.quiet = json;
  WorldEval eval(arguments, environment, *seed, *std::move(tasks));
  if (const auto status = eval.Run(); !status.ok()) return ReportFailure(status, json);
  eval.Report();
  return kDone;
}

}  // namespace

void AddEval(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<EvalArguments>();
  Arguments command = program.Command(
      "eval", "Measure search and answers on a made-up shop",
      "sightline eval --dataset demo-world:1 --queries 100\n"
      "sightline eval --dataset demo-world:1 --model ./model --json > figures.json\n"
      "sightline eval --dataset demo-world:1 --tasks photo_to_item,text_to_photo\n"
      "sightline eval --dataset demo-world:1 --shuffled      # what chance alone reaches\n"
      "sightline eval --dataset demo-world:1 --untrained     # what the network is without "
      "training",
      [arguments, &environment] { return Eval(*arguments, environment); });
  command.Text("--dataset", arguments->dataset,
               "demo-world:SEED, a shop that no training has seen: a SEED below 10^12, where the "
               "shops for evaluation begin, is moved there by adding 10^12",
               "NAME", true);
  command.Integer("--queries", arguments->queries, 1, 100'000, "Questions a task; default 100");
  command.Text("--tasks", arguments->tasks, "Only these, with commas between", "A,B");
  command.Integer("--items", arguments->size.items, 1, 5000, "Photos; default 1000");
  command.Integer("--pages", arguments->size.pages, 0, 100'000, "Pages at most; default 60");
  command.Integer("--texts", arguments->size.texts, 0, 100'000, "Texts at most; default 200");
  command.Flag("--shuffled", arguments->shuffled,
               "Score against the gold of other questions: a control");
  command.Flag("--untrained", arguments->session.untrained,
               "Random numbers in place of the model's weights: a control");
  command.Text("--model", arguments->session.model, "Model folder; default the bundled model",
               "DIR");
  command.Text("--data", arguments->session.data,
               "Folder of the private server, kept; default a temporary one", "DIR");
  command.Text("--server", arguments->session.server, "A running server instead", "HOST:PORT");
  command.Flag("--keep", arguments->session.keep,
               "Keep the documents: in ./sightline-eval without --data, in the server's collection "
               "with --server");
  command.Flag("--json", arguments->json, "JSON for machines");
}

}  // namespace sightline::cli
