// What each stage of ingest can do alone, and what the pipeline makes of them. Usage:
//   ingest_bench FOLDER [--model DIR | --device FIXED_MS,EACH_MS] [--documents N] [--children N]
//                [--ocr LANGUAGES]
// Reads all files below FOLDER, runs the stages one after the other over all of them, then the
// whole pipeline, and prints one JSON object. --device puts an encoder that only takes time in
// place of a model's: a network on a device of its own. --ocr "" reads no words. What it writes
// goes to $TMPDIR, else /tmp.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status.h"
#include "bench/device_encoder.h"
#include "bench/process_tree.h"
#include "bench/stages_alone.h"
#include "ingest/intake.h"
#include "model/load.h"

namespace sightline::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kCollection[] = "bench";
constexpr uint64_t kMaxFileBytes = uint64_t{512} << 20;

struct Arguments {
  std::string folder;
  std::string model = "models/demo";
  std::optional<std::pair<double, double>> device_ms;
  ingest::IngestOptions ingest;
  media::MediaOptions media;
};

absl::StatusOr<Arguments> Parse(int argc, char** argv) {
  Arguments out;
  out.media.ocr_languages = "eng+chi_sim";
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (!name.starts_with("--")) {
      out.folder = name;
      continue;
    }
    if (++i == argc) return absl::InvalidArgumentError(absl::StrCat(name, ": needs a value"));
    const std::string value = argv[i];
    bool good = true;
    if (name == "--model") {
      out.model = value;
    } else if (name == "--device") {
      const std::vector<std::string> parts = absl::StrSplit(value, ',');
      out.device_ms.emplace();
      good = parts.size() == 2 && absl::SimpleAtod(parts[0], &out.device_ms->first) &&
             absl::SimpleAtod(parts[1], &out.device_ms->second);
    } else if (name == "--documents") {
      good = absl::SimpleAtoi(value, &out.ingest.workers);
    } else if (name == "--children") {
      good = absl::SimpleAtoi(value, &out.media.workers);
    } else if (name == "--ocr") {
      out.media.ocr_languages = value;
    } else {
      good = false;
    }
    if (!good)
      return absl::InvalidArgumentError(absl::StrCat("not understood: ", name, " ", value));
  }
  if (out.folder.empty()) return absl::InvalidArgumentError("name a folder");
  return out;
}

absl::StatusOr<std::vector<SourceFile>> ReadFiles(const std::string& folder) {
  std::vector<SourceFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (!it->is_regular_file()) continue;
    SL_ASSIGN_OR_RETURN(std::string bytes, ReadFile(it->path().string(), kMaxFileBytes));
    files.push_back({it->path().string(), std::move(bytes)});
  }
  if (error) return absl::NotFoundError(absl::StrCat(folder, ": ", error.message()));
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  if (files.empty()) return absl::NotFoundError(absl::StrCat(folder, ": holds no file"));
  return files;
}

struct PipelineRun {
  double seconds = 0;
  double cpu_seconds = 0;
  ingest::IngestCounters counters;
  std::vector<StageWork> stages;
};

absl::StatusOr<PipelineRun> RunPipeline(const Arguments& arguments,
                                        const std::vector<SourceFile>& files, index::Corpus& corpus,
                                        media::MediaClient& media, model::Encoder& encoder,
                                        const std::string& spool) {
  ingest::IngestOptions options = arguments.ingest;
  options.queue_capacity = std::max<int>(options.queue_capacity, static_cast<int>(files.size()));
  const std::vector<StageWork> before = media.stages();
  absl::BlockingCounter open(static_cast<int>(files.size()));
  SL_ASSIGN_OR_RETURN(const auto ingestor,
                      ingest::Ingestor::Create(options, spool, corpus, encoder, media));
  PipelineRun run;
  const double cpu = TreeCpuSeconds();
  const absl::Time start = absl::Now();
  SL_RETURN_IF_ERROR(ingestor->Start());
  std::mutex mu;
  absl::Status refused;
  // As the service does it.
  std::optional<ingest::Intake> intake(std::in_place, 8);
  for (const SourceFile& file : files) {
    ingest::IngestCallbacks callbacks;
    callbacks.on_finished = [&](const ingest::IngestResult&) { open.DecrementCount(); };
    ingest::IngestRequest request;
    request.collection = kCollection;
    request.source = file.path;
    request.create_collection = true;
    intake->Add(file.path, [&, request, callbacks] {
      const absl::Status status = ingestor->Submit(request, file.bytes, callbacks).status();
      if (status.ok()) return;
      const std::lock_guard lock(mu);
      refused.Update(status);
      open.DecrementCount();
    });
  }
  intake.reset();
  SL_RETURN_IF_ERROR(refused);
  open.Wait();
  run.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  run.cpu_seconds = TreeCpuSeconds() - cpu;
  run.counters = ingestor->counters();
  run.stages = ingestor->stages();
  for (size_t i = 0; i < before.size(); ++i) {
    run.stages[i].seconds -= before[i].seconds;
    run.stages[i].items -= before[i].items;
  }
  return run;
}

json Alone(const StageRun& run, double pages) {
  return {{"stage", run.stage},
          {"threads", run.threads},
          {"items", run.items},
          {"seconds", run.seconds},
          {"items_per_second", run.items / run.seconds},
          {"pages_per_second", pages / run.seconds},
          {"cpu_seconds", run.cpu_seconds},
          {"cores_busy", run.cpu_seconds / run.seconds}};
}

json Report(const std::vector<SourceFile>& files, const std::vector<StageRun>& runs,
            const PipelineRun& pipeline) {
  const auto pages = static_cast<double>(pipeline.counters.pages);
  const auto cores = static_cast<double>(std::thread::hardware_concurrency());
  json alone = json::array();
  const StageRun* slowest = &runs.front();
  double cpu = 0;
  for (const StageRun& run : runs) {
    alone.push_back(Alone(run, pages));
    cpu += run.cpu_seconds;
    if (run.seconds > slowest->seconds) slowest = &run;
  }
  json busy;
  for (const StageWork& stage : pipeline.stages) {
    busy[stage.stage] = stage.seconds / (stage.threads * pipeline.seconds);
  }
  const double bound = std::max(slowest->seconds, cpu / cores);
  return {{"files", files.size()},
          {"pages", pipeline.counters.pages},
          {"passages", pipeline.counters.passages},
          {"failed", pipeline.counters.failed},
          {"partial", pipeline.counters.partial},
          {"alone", alone},
          {"slowest", slowest->stage},
          {"pipeline",
           {{"seconds", pipeline.seconds},
            {"documents_per_second", files.size() / pipeline.seconds},
            {"pages_per_second", pages / pipeline.seconds},
            {"cpu_seconds", pipeline.cpu_seconds},
            {"cores_busy", pipeline.cpu_seconds / pipeline.seconds},
            {"stages_busy", busy}}},
          {"cores", cores},
          {"of_slowest_alone", slowest->seconds / pipeline.seconds},
          {"cpu_bound_seconds", cpu / cores},
          {"of_bound", bound / pipeline.seconds}};
}

absl::Status Run(const Arguments& arguments) {
  SL_ASSIGN_OR_RETURN(const std::vector<SourceFile> files, ReadFiles(arguments.folder));
  model::LoadedModel loaded;
  std::unique_ptr<model::Encoder> device;
  if (arguments.device_ms.has_value()) {
    device = std::make_unique<DeviceEncoder>(absl::Milliseconds(arguments.device_ms->first),
                                             absl::Milliseconds(arguments.device_ms->second));
  } else {
    SL_ASSIGN_OR_RETURN(loaded, model::Load(arguments.model, {}));
    if (loaded.encoder == nullptr) return absl::FailedPreconditionError("it holds no encoder");
  }
  model::Encoder& encoder = device != nullptr ? *device : *loaded.encoder;
  SL_ASSIGN_OR_RETURN(const auto folder, TempDir::Create("ingest-bench"));
  SL_ASSIGN_OR_RETURN(const auto media, media::MediaClient::Create(arguments.media));

  std::vector<StageRun> alone;
  {
    SL_ASSIGN_OR_RETURN(const auto corpus, index::Corpus::Open({.path = folder->path() + "/a"}));
    SL_RETURN_IF_ERROR(corpus
                           ->CreateCollection(kCollection, encoder.info().fingerprint,
                                              ingest::DefaultDimension(encoder))
                           .status());
    SL_ASSIGN_OR_RETURN(const ingest::Spool spool,
                        ingest::Spool::Open(folder->path() + "/a-spool"));
    SL_ASSIGN_OR_RETURN(alone, StagesAlone({arguments.ingest, arguments.media, *media, encoder,
                                            *corpus, spool, kCollection},
                                           files)
                                   .Run());
  }
  if (alone.empty()) return absl::InvalidArgumentError("there is nothing to do in these files");
  if (loaded.forget_pictures) loaded.forget_pictures();
  SL_ASSIGN_OR_RETURN(const auto corpus, index::Corpus::Open({.path = folder->path() + "/b"}));
  SL_ASSIGN_OR_RETURN(
      const PipelineRun pipeline,
      RunPipeline(arguments, files, *corpus, *media, encoder, folder->path() + "/b-spool"));
  std::printf("%s\n", Report(files, alone, pipeline).dump(1).c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace sightline::bench

int main(int argc, char** argv) {
  sightline::log::Configure(sightline::log::Level::kWarning, sightline::log::Format::kText);
  const auto arguments = sightline::bench::Parse(argc, argv);
  absl::Status status = arguments.status();
  if (status.ok()) status = sightline::bench::Run(*arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "ingest_bench: %s\n", status.ToString().c_str());
  return absl::IsInvalidArgument(status) ? 2 : 1;
}
