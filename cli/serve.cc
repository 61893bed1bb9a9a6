#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/private_server.h"

namespace sightline::cli {
namespace {

// The server program's own arguments for one of our commands; empty when it is not one of those.
std::vector<std::string> ServerCommand(const std::string& name, const std::string& next) {
  if (name == "backup" && (next == "list" || next == "verify" || next == "restore")) return {name};
  if (name == "serve") return {"serve"};
  if (name == "gateway") return {"serve", "--roles=gateway"};
  if (name == "worker") return {"worker"};
  if (name == "model") return {"model"};
  return {};
}

bool AsksForHelp(int argc, char** argv) {
  if (argc < 3) return false;
  const std::string first = argv[2];
  return first == "--help" || first == "-h";
}

}  // namespace

std::optional<absl::Status> ForwardToServer(int argc, char** argv) {
  if (argc < 2) return std::nullopt;
  const std::string name = argv[1];
  std::vector<std::string> command = ServerCommand(name, argc > 2 ? argv[2] : "");
  // `model` has commands of its own, so its help is the server's.
  if (command.empty() || (AsksForHelp(argc, argv) && name != "model")) return std::nullopt;
  const auto program = SisterProgram("sightline-server");
  if (!program.ok()) return program.status();
  command.insert(command.begin(), *program);
  command.insert(command.end(), argv + 2, argv + argc);
  std::vector<char*> arguments;
  for (std::string& item : command) arguments.push_back(item.data());
  arguments.push_back(nullptr);
  ::execv(program->c_str(), arguments.data());
  return absl::UnavailableError(absl::StrCat("cannot run ", *program, ": ", std::strerror(errno)));
}

CommandBody Forwarded() {
  return [] { return static_cast<int>(kWrongUsage); };
}

void AddServe(Arguments& program) {
  program.Command(
      "serve", "Run the server: gRPC, REST and the web page",
      "sightline serve --data ./corpus\n"
      "sightline serve --data ./corpus --grpc 0.0.0.0:50051 --http 0.0.0.0:8080\n"
      "sightline serve --config sightline.yaml --print-config\n"
      "Options, read by sightline-server:\n"
      "  --config F        configuration file; every key is also SIGHTLINE__SECTION__KEY\n"
      "  --data DIR        folder of the corpus\n"
      "  --model DIR       bundle or checkpoint\n"
      "  --device D        auto, cpu or cuda:N\n"
      "  --grpc ADDR       default 127.0.0.1:50051; unix:PATH for a socket\n"
      "  --http ADDR|off   REST and web page; default 127.0.0.1:8080\n"
      "  --roles LIST      parts that this process runs; default all\n"
      "  --skip-self-test  serve a model that was not compared with its seal\n"
      "  --print-config    show the configuration, secrets hidden, and exit\n"
      "  --log-level L, --log-format text|json",
      Forwarded());
  program.Command("gateway", "Run only REST and the web page, in front of a server",
                  "sightline gateway --server 10.0.0.7:50051 --http 0.0.0.0:8080\n"
                  "Options are those of `sightline serve`, and --server HOST:PORT",
                  Forwarded());
  program.Command(
      "worker", "Read and embed documents for a server: more machines for ingest",
      "sightline worker --server 10.0.0.7:50051 --model ./model --jobs 4\n"
      "The server is to allow it: SIGHTLINE__INGEST__REMOTE_WORKERS=true. Options, read "
      "by sightline-server:\n"
      "  --server ADDR     HOST:PORT or unix:PATH of the server's gRPC\n"
      "  --model DIR       the same bundle or checkpoint as the server's\n"
      "  --device D        auto, cpu or cuda:N\n"
      "  --jobs N          documents at once; default 1\n"
      "  --json            one JSON object a job\n"
      "  --config F, --skip-self-test, --log-level L, --log-format text|json",
      Forwarded());
  program.Command("model", "Use the model alone: info, embed, rerank, generate, tokenize and more",
                  "sightline model info --model ./model --json\nsightline model --help",
                  Forwarded());
}

}  // namespace sightline::cli
