// sightline-server: one process that owns a corpus and serves it, or a gateway in front of one.

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/config.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status.h"
#include "services/backup_tool.h"
#include "services/edge/shutdown_signals.h"
#include "services/self_check.h"
#include "services/server.h"
#include "services/server_config.h"
#include "services/worker_tool.h"

#ifdef SIGHTLINE_HAS_NETWORK
#include "services/model_tool.h"
#endif

namespace sightline::services {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

constexpr char kUsage[] =
    R"(usage: sightline-server serve [options]     run the server
       sightline-server worker [options]    work for a server elsewhere; see `worker --help`
       sightline-server model COMMAND …     the model alone; see `model --help`
       sightline-server backup COMMAND …    backups of a corpus; see `backup --help`
       sightline-server --config-docs       print docs/configuration.md
       sightline-server --version

options of serve; each is also a key of the configuration file and an environment variable
SIGHTLINE__SECTION__KEY, see docs/configuration.md:
  --config FILE          YAML file
  --data DIR             folder of the corpus [sightline-data]
  --model DIR            bundle or checkpoint [the bundled one]
  --backup-path DIR      where backups go [none]
  --grpc ADDR            HOST:PORT or unix:PATH [127.0.0.1:50051]; port 0 = a free one
  --http ADDR|off        REST and the page [127.0.0.1:8080]
  --device DEVICE        auto, cpu or cuda:N [auto]
  --roles LIST           of query,index,ingest,gateway [all]
  --server ADDR          the server behind --roles gateway
  --log-level LEVEL      debug, info, warning, error [info]
  --log-format FORMAT    text, json [text]
  --skip-self-test       serve a model that was not compared with its seal
  --print-config         show what is in force, secrets hidden, and exit
  --die-with-parent      stop when the process that started this one ends

Prints "ready grpc=ADDR http=ADDR" on standard output when everything serves, and "not-ready …" when the
model drifted from its seal: /readyz says how far, and its calls are refused. SIGTERM or SIGINT stops it
gracefully, a second one at once. Exit codes: 0 stopped, 1 failed, 2 wrong usage.
)";

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "sightline-server: %s\n", std::string(status.message()).c_str());
  return code;
}

struct Arguments {
  ConfigSources sources;
  bool print_config = false;
  bool die_with_parent = false;
  bool help = false;
};

absl::StatusOr<Arguments> ParseOptions(const std::vector<std::string>& words) {
  Arguments out;
  out.sources.environment = ProcessEnvironment();
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view word = words[i];
    if (word == "--help" || word == "-h") {
      out.help = true;
    } else if (word == "--print-config") {
      out.print_config = true;
    } else if (word == "--die-with-parent") {
      out.die_with_parent = true;
    } else if (word == "--skip-self-test") {
      out.sources.flags.emplace_back("self-test", "false");
    } else if (absl::ConsumePrefix(&word, "--") && !word.empty()) {
      const size_t equals = word.find('=');
      const std::string name(word.substr(0, equals));
      std::string value;
      if (equals != absl::string_view::npos) {
        value = std::string(word.substr(equals + 1));
      } else if (i + 1 < words.size()) {
        value = words[++i];
      } else {
        return absl::InvalidArgumentError(absl::StrCat("--", name, ": expected a value"));
      }
      if (name == "config") {
        out.sources.file = value;
      } else {
        out.sources.flags.emplace_back(name, value);
      }
    } else {
      return absl::InvalidArgumentError(absl::StrCat("unexpected argument \"", words[i], "\""));
    }
  }
  return out;
}

absl::StatusOr<model::LoadedModel> LoadModel(const ServerConfig& config) {
#ifdef SIGHTLINE_HAS_NETWORK
  SL_ASSIGN_OR_RETURN(const std::string folder, ProgramDirectory());
  SL_ASSIGN_OR_RETURN(const std::string path, FindModel(config.model_path, folder));
  log::Info("loading the model", {{"path", path}});
  auto model = model::Load(path, config.model);
  if (!model.ok()) return Annotate(model.status(), absl::StrCat("model ", path));
  return model;
#else
  return absl::FailedPreconditionError(
      "this program was built without the network (SIGHTLINE_WITH_MODEL=OFF); only --roles gateway "
      "runs");
#endif
}

absl::Status FollowParent() {
  const pid_t parent = ::getppid();
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return absl::UnavailableError("prctl failed");
  // The parent may have ended between the two calls; then nobody would ever tell.
  if (::getppid() != parent) return absl::UnavailableError("--die-with-parent: the parent is gone");
  return absl::OkStatus();
}

absl::Status RunServer(const ServerConfig& config) {
  SL_ASSIGN_OR_RETURN(const auto signals, edge::ShutdownSignals::Install());
  model::LoadedModel model;
  if (!config.roles.gateway_alone()) {
    SL_ASSIGN_OR_RETURN(model, LoadModel(config));
  }
  SL_ASSIGN_OR_RETURN(const auto server,
                      Server::Start(config, std::move(model), SIGHTLINE_VERSION));
  const absl::Status ready = server->Ready();
  std::printf("%s grpc=%s http=%s\n", ready.ok() ? "ready" : "not-ready",
              server->grpc_address().c_str(), server->http_address().c_str());
  std::fflush(stdout);
  if (ready.ok()) {
    log::Info("ready", {{"grpc", server->grpc_address()}, {"http", server->http_address()}});
  } else {
    log::Error("not ready", {{"why", ready.message()}, {"http", server->http_address()}});
  }
  signals->Wait();
  server->Stop();
  log::Info("stopped");
  return absl::OkStatus();
}

int Serve(const std::vector<std::string>& words) {
  const auto arguments = ParseOptions(words);
  if (!arguments.ok()) return Fail(arguments.status(), kWrongUsage);
  if (arguments->help) {
    std::fputs(kUsage, stdout);
    return kDone;
  }
  if (arguments->die_with_parent) {
    if (const absl::Status status = FollowParent(); !status.ok()) return Fail(status, kFailed);
  }
  const auto config = Config::Load(ServerConfigTable(), arguments->sources);
  if (!config.ok()) return Fail(config.status(), kWrongUsage);
  if (arguments->print_config) {
    std::fputs(config->ToYaml().c_str(), stdout);
    return kDone;
  }
  const auto server_config = ReadServerConfig(*config);
  if (!server_config.ok()) return Fail(server_config.status(), kWrongUsage);
  log::Configure(server_config->log_level, server_config->log_format);
  if (const absl::Status status = RunServer(*server_config); !status.ok()) {
    return Fail(status, kFailed);
  }
  return kDone;
}

constexpr char kWorkerUsage[] =
    R"(usage: sightline-server worker --server ADDR [options]

Takes jobs of a server that allows it (ingest.remote_workers), reads and embeds their documents, and hands in
what it read. Options, which are also keys of the configuration:
  --server ADDR          the server's gRPC: HOST:PORT or unix:PATH
  --model DIR            the same bundle or checkpoint as the server's [the bundled one]
  --device DEVICE        auto, cpu or cuda:N [auto]
  --config FILE, --log-level LEVEL, --log-format FORMAT, --skip-self-test, --die-with-parent
and of the worker alone:
  --jobs N               documents at once, 1..256 [1]
  --json                 one JSON object a job

Prints one line a job on standard output. SIGTERM or SIGINT gives jobs under way back and stops. Exit codes:
0 stopped, 1 failed, 2 wrong usage.
)";

absl::Status RunWorkerWith(const ServerConfig& config, const WorkerToolOptions& options) {
  SL_ASSIGN_OR_RETURN(const auto signals, edge::ShutdownSignals::Install());
  SL_ASSIGN_OR_RETURN(model::LoadedModel model, LoadModel(config));
  if (config.self_test && model.encoder != nullptr) SL_RETURN_IF_ERROR(SelfTest(model));
  return RunWorker(options, model, *signals);
}

int Worker(std::vector<std::string> words) {
  WorkerToolOptions options;
  if (const absl::Status status = TakeWorkerOptions(words, options); !status.ok()) {
    return Fail(status, kWrongUsage);
  }
  const auto arguments = ParseOptions(words);
  if (!arguments.ok()) return Fail(arguments.status(), kWrongUsage);
  if (arguments->help) {
    std::fputs(kWorkerUsage, stdout);
    return kDone;
  }
  if (arguments->die_with_parent) {
    if (const absl::Status status = FollowParent(); !status.ok()) return Fail(status, kFailed);
  }
  const auto config = Config::Load(ServerConfigTable(), arguments->sources);
  if (!config.ok()) return Fail(config.status(), kWrongUsage);
  const auto worker = ReadWorkerConfig(*config);
  if (!worker.ok()) return Fail(worker.status(), kWrongUsage);
  log::Configure(worker->log_level, worker->log_format);
  options.server = worker->upstream;
  options.media = worker->media;
  const absl::Status status = RunWorkerWith(*worker, options);
  return status.ok() ? kDone : Fail(status, kFailed);
}

int RunModel(const std::vector<std::string>& words) {
#ifdef SIGHTLINE_HAS_NETWORK
  return RunModelTool(words);
#else
  return Fail(absl::FailedPreconditionError(
                  "this program was built without the network (SIGHTLINE_WITH_MODEL=OFF)"),
              kFailed);
#endif
}

int Main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "serve") return Serve({argv + 2, argv + argc});
  if (command == "worker") return Worker({argv + 2, argv + argc});
  if (command == "model") return RunModel({argv + 2, argv + argc});
  if (command == "backup") return RunBackupTool({argv + 2, argv + argc});
  if (command == "--version") {
    std::printf("sightline-server %s\n", SIGHTLINE_VERSION);
    return kDone;
  }
  if (command == "--config-docs") {
    std::fputs(ConfigReference(ServerConfigTable(), "Configuration of sightline-server").c_str(),
               stdout);
    return kDone;
  }
  const bool help = command == "--help" || command == "-h";
  std::fputs(kUsage, help ? stdout : stderr);
  return help ? kDone : kWrongUsage;
}

}  // namespace
}  // namespace sightline::services

int main(int argc, char** argv) { return sightline::services::Main(argc, argv); }
