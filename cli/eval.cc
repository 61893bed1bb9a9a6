#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/eval_folder.h"
#include "cli/eval_options.h"
#include "cli/eval_world.h"
#include "cli/exit_code.h"

namespace sightline::cli {
namespace {

absl::Status Check(const EvalOptions& options) {
  const EvalSessionOptions& session = options.session;
  if (!session.server.empty() && (!session.data.empty() || !session.model.empty())) {
    return absl::InvalidArgumentError(
        "--server excludes --data and --model: a running server has its own");
  }
  if (!session.server.empty() && session.untrained) {
    return absl::InvalidArgumentError(
        "--untrained replaces the weights of a private server: leave --server out");
  }
  std::error_code ignored;
  if (!NamesWorld(options.dataset) && !std::filesystem::is_directory(options.dataset, ignored)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--dataset ", options.dataset, ": neither demo-world:SEED nor a folder"));
  }
  const demo_world::WorldSize usual;
  const bool sized = options.size.items != usual.items || options.size.pages != usual.pages ||
                     options.size.texts != usual.texts;
  if (!NamesWorld(options.dataset) && (sized || !options.tasks.empty() || !options.log.empty())) {
    return absl::InvalidArgumentError(
        "--items, --pages, --texts, --tasks and --log are of demo-world:SEED, not of a folder");
  }
  return absl::OkStatus();
}

int Eval(EvalOptions& options, const Environment& environment) {
  options.session.quiet = options.json;
  absl::Status status = Check(options);
  if (status.ok()) {
    status = NamesWorld(options.dataset) ? EvalWorld(options, environment.terminal)
                                         : EvalFolder(options, environment.terminal);
  }
  return status.ok() ? kDone : ReportFailure(status, options.json);
}

}  // namespace

void AddEval(Arguments& program, const Environment& environment) {
  auto options = std::make_shared<EvalOptions>();
  Arguments command = program.Command(
      "eval", "Measure search and answers on a made-up shop, or on a dataset of your own",
      "sightline eval --dataset demo-world:1 --queries 100\n"
      "sightline eval --dataset demo-world:1 --model ./model --json > figures.json\n"
      "sightline eval --dataset demo-world:1 --tasks photo_to_item,text_to_photo\n"
      "sightline eval --dataset demo-world:1 --shuffled      # what chance alone reaches\n"
      "sightline eval --dataset demo-world:1 --untrained     # what the network is without "
      "training\n"
      "sightline eval --dataset ./scifact --model ./model --json",
      [options, &environment] { return Eval(*options, environment); });
  command.Text("--dataset", options->dataset,
               "demo-world:SEED, a shop that no training has seen: a SEED below 10^12, where the "
               "shops for evaluation begin, is moved there by adding 10^12; or a folder with "
               "corpus.jsonl, queries.jsonl and qrels.tsv",
               "NAME", true);
  command.Integer("--queries", options->queries, 1, 100'000,
                  "Questions: of each task, default 100; of a folder, default all");
  command.Text("--tasks", options->tasks, "Only these, with commas between", "A,B");
  command.Integer("--items", options->size.items, 1, 5000, "Photos; default 1000");
  command.Integer("--pages", options->size.pages, 0, 100'000, "Pages at most; default 60");
  command.Integer("--texts", options->size.texts, 0, 100'000, "Texts at most; default 200");
  command.Flag("--shuffled", options->shuffled,
               "Score against the gold of other questions: a control");
  command.Flag("--no-history", options->no_history,
               "Ask follow-up questions without what was said before: a control");
  command.Flag("--untrained", options->session.untrained,
               "Random numbers in place of the model's weights: a control");
  command.Text("--log", options->log,
               "Of demo-world: write what was asked, replied and right, one JSON line a question",
               "FILE");
  command.Text("--model", options->session.model, "Model folder; default the bundled model", "DIR");
  command.Text("--data", options->session.data,
               "Folder of the private server, kept; default a temporary one", "DIR");
  command.Text("--server", options->session.server, "A running server instead", "HOST:PORT");
  command.Flag("--keep", options->session.keep,
               "Keep the documents: in ./sightline-eval without --data, in the server's collection "
               "with --server");
  command.Flag("--json", options->json, "JSON for machines");
}

}  // namespace sightline::cli
