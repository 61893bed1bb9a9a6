// sightline-train: trains the demo's model on the demo world.
#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/status.h"
#include "tools/demo_world/questions.h"
#include "tools/train/curriculum.h"
#include "tools/train/curve.h"
#include "tools/train/trainer.h"

namespace sightline::train {
namespace {

std::atomic<bool> interrupted = false;

struct Arguments {
  TrainerOptions trainer;
  std::string curriculum;
  std::string out;
  double minutes = 1e9;
  int64_t save_every = 250;
  int64_t report_every = 25;
  int passes = 4;
  uint64_t seed = 1;
  int lines = 20000;
};

absl::Status Train(const Arguments& arguments) {
  const absl::Time end = absl::Now() + absl::Minutes(arguments.minutes);
  SL_ASSIGN_OR_RETURN(const Curriculum curriculum, ReadCurriculum(arguments.curriculum));
  SL_ASSIGN_OR_RETURN(const std::unique_ptr<Trainer> trainer, Trainer::Open(arguments.trainer));
  SL_ASSIGN_OR_RETURN(Curve curve,
                      Curve::Open(arguments.trainer.folder + "/curve.csv", trainer->step()));
  while (trainer->step() < curriculum.steps && !interrupted && absl::Now() < end) {
    SL_RETURN_IF_ERROR(trainer->Advance(curriculum));
    if (trainer->step() % arguments.report_every == 0) {
      SL_RETURN_IF_ERROR(curve.Add(trainer->step(), curriculum.RateAt(trainer->step() - 1),
                                   trainer->gradient(), trainer->TakeSums()));
    }
    if (trainer->step() % arguments.save_every == 0) SL_RETURN_IF_ERROR(trainer->Save());
  }
  return trainer->Save();
}

absl::Status Validate(const Arguments& arguments) {
  SL_ASSIGN_OR_RETURN(const Curriculum curriculum, ReadCurriculum(arguments.curriculum));
  SL_ASSIGN_OR_RETURN(const std::unique_ptr<Trainer> trainer, Trainer::Open(arguments.trainer));
  SL_ASSIGN_OR_RETURN(const std::vector<LessonSums> sums,
                      trainer->Validate(curriculum, arguments.passes));
  std::puts(SumsJson(trainer->step(), sums).c_str());
  return absl::OkStatus();
}

absl::Status Export(const Arguments& arguments) {
  SL_ASSIGN_OR_RETURN(const std::unique_ptr<Trainer> trainer, Trainer::Open(arguments.trainer));
  return trainer->Export(arguments.out);
}

absl::Status Text(const Arguments& arguments) {
  for (const std::string& line : demo_world::SampleText(arguments.seed, arguments.lines)) {
    std::puts(line.c_str());
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("Trains the demo's model on the demo world (docs/demo-model.md).");
  app.require_subcommand(1);
  Arguments arguments;
  const auto with_run = [&](CLI::App* command) {
    command->add_option("--run", arguments.trainer.folder, "folder with the checkpoint")
        ->required();
    command->add_option("--device", arguments.trainer.device, "cpu or cuda:N");
    command->add_option("--dtype", arguments.trainer.dtype, "float32 or bfloat16");
    command
        ->add_option("--adapter-rank", arguments.trainer.adapter_rank,
                     "train an adapter of this rank beside the weights, which stay; 0: none")
        ->check(CLI::Range(0, 256));
    command->add_option("--workers", arguments.trainer.workers, "threads with a network each")
        ->check(CLI::Range(1, 64));
  };
  absl::Status (*chosen)(const Arguments&) = nullptr;
  CLI::App* const train = app.add_subcommand("train", "go on with a run");
  with_run(train);
  train->add_option("--curriculum", arguments.curriculum, "JSON file")->required();
  train
      ->add_option("--makers", arguments.trainer.makers,
                   "threads that make samples ahead; 0: each worker makes its own")
      ->check(CLI::Range(0, 256));
  train->add_option("--minutes", arguments.minutes, "stop and save after so long");
  train->add_option("--save-every", arguments.save_every, "steps");
  train->add_option("--report-every", arguments.report_every, "steps");
  train->callback([&] { chosen = Train; });
  CLI::App* const validate =
      app.add_subcommand("validate", "measure over worlds that are never trained on");
  with_run(validate);
  validate->add_option("--curriculum", arguments.curriculum, "JSON file")->required();
  validate->add_option("--passes", arguments.passes, "of each lesson");
  validate->callback([&] { chosen = Validate; });
  CLI::App* const write = app.add_subcommand("export", "write the weights in bfloat16");
  with_run(write);
  write->add_option("--out", arguments.out, "folder")->required();
  write->callback([&] { chosen = Export; });
  CLI::App* const text = app.add_subcommand("text", "lines for a tokenizer to be learned from");
  text->add_option("--seed", arguments.seed, "of the first world");
  text->add_option("--lines", arguments.lines, "how many");
  text->callback([&] { chosen = Text; });
  CLI11_PARSE(app, argc, argv);

  // The step at hand is finished and saved.
  std::signal(SIGINT, [](int) { interrupted = true; });
  std::signal(SIGTERM, [](int) { interrupted = true; });
  const absl::Status status = chosen(arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "sightline-train: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace sightline::train

int main(int argc, char** argv) { return sightline::train::Main(argc, argv); }
