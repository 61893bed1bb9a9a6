#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/eval_export.h"
#include "cli/eval_folder.h"
#include "cli/eval_options.h"
#include "cli/eval_world.h"
#include "cli/exit_code.h"

namespace sightline::cli {
namespace {

// It asks nobody anything, so what is about a server or replies has no sense.
absl::Status CheckExport(const EvalOptions& options) {
  if (!NamesWorld(options.dataset)) {
    return absl::InvalidArgumentError("--export is of demo-world:SEED: a folder is one already");
  }
  const EvalSessionOptions& session = options.session;
  if (!session.server.empty() || !session.data.empty() || !session.model.empty() || session.keep ||
      session.untrained || options.shuffled || options.text_layer || options.quoted ||
      options.rerank || !options.log.empty() || !options.run.empty() || !options.results.empty()) {
    return absl::InvalidArgumentError(
        "--export writes the shop and its questions and asks nothing: leave --server, --data, "
        "--model, --keep, --untrained, --shuffled, --text-layer, --quoted, --rerank, --log, --run "
        "and --results out");
  }
  return absl::OkStatus();
}

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
  if (!NamesWorld(options.dataset) && (sized || options.text_layer || options.quoted ||
                                       !options.tasks.empty() || !options.log.empty())) {
    return absl::InvalidArgumentError(
        "--items, --pages, --texts, --text-layer, --quoted, --tasks and --log are of "
        "demo-world:SEED, not of a folder");
  }
  if (NamesWorld(options.dataset) && !options.split.empty()) {
    return absl::InvalidArgumentError("--split is of a folder, not of demo-world:SEED");
  }
  return options.export_to.empty() ? absl::OkStatus() : CheckExport(options);
}

absl::Status Run(EvalOptions& options, const Terminal& terminal) {
  SL_RETURN_IF_ERROR(Check(options));
  if (!options.export_to.empty()) return ExportWorld(options, terminal);
  if (NamesWorld(options.dataset)) return EvalWorld(options, terminal);
  if (options.split.empty()) options.split = "test";
  return EvalFolder(options, terminal);
}

int Eval(EvalOptions& options, const Environment& environment) {
  options.session.quiet = options.json;
  const absl::Status status = Run(options, environment.terminal);
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
      "sightline eval --dataset ./scifact --model ./model --json\n"
      "sightline eval --dataset ./scifact --run scifact.run --results scifact.json\n"
      "sightline eval --dataset demo-world:1 --export ./shop     # for other systems",
      [options, &environment] { return Eval(*options, environment); });
  command.Text("--dataset", options->dataset,
               "demo-world:SEED, a shop that no training has seen: a SEED below 10^12, where the "
               "shops for evaluation begin, is moved there by adding 10^12; or a folder in the "
               "layout of BEIR, MTEB or ViDoRe as JSON lines",
               "NAME", true);
  command.Integer("--queries", options->queries, 1, 100'000,
                  "Questions: of each task, default 100; of a folder, default all");
  command.Text("--tasks", options->tasks, "Only these, with commas between", "A,B");
  command.Integer("--items", options->size.items, 1, 5000, "Photos; default 1000");
  command.Integer("--pages", options->size.pages, 0, 100'000, "Pages at most; default 60");
  command.Integer("--texts", options->size.texts, 0, 100'000, "Texts at most; default 200");
  command.Flag("--text-layer", options->text_layer,
               "Of demo-world: its pages are PDFs with a text layer, not pictures");
  command.Flag("--quoted", options->quoted,
               "Of demo-world: answers are quoted, not written by the generator");
  command.Flag("--rerank", options->rerank, "The passages of answers are reranked");
  command.Flag("--shuffled", options->shuffled,
               "Score against the gold of other questions: a control");
  command.Flag("--no-history", options->no_history,
               "Ask follow-up questions without what was said before: a control");
  command.Choice("--patches", options->session.patches, {"none", "binary", "int8"},
                 "Vectors of pictures' patches in the collection that is made");
  command.Flag("--untrained", options->session.untrained,
               "Random numbers in place of the model's weights: a control");
  command.Text("--log", options->log,
               "Of demo-world: write what was asked, replied and right, one JSON line a question",
               "FILE");
  command.Text("--split", options->split, "Of a folder: whose judgements; default test", "NAME");
  command.Text("--run", options->run,
               "Write what was found as TREC runs: FILE.dense, and so on for each search mode",
               "FILE");
  command.Text("--results", options->results, "Write the figures of searches as MTEB does", "FILE");
  command.Text("--export", options->export_to,
               "Of demo-world: write the shop and its questions to this folder, in the layout that "
               "--dataset reads, and ask nothing",
               "DIR");
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
