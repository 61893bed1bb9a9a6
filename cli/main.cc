// sightline: the command line. Always a client of a server, which it may start itself.

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/failure.h"
#include "cli/interrupt.h"

namespace sightline::cli {
namespace {

const char* EnvironmentVariable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int Main(int argc, char** argv) {
  // First, because a program that takes this one's place must find signals as they were.
  if (const auto failure = ForwardToServer(argc, argv); failure.has_value()) {
    return ReportFailure(*failure, false);
  }
  WatchForInterrupts();
  Environment environment;
  environment.terminal = DetectTerminal(*EnvironmentVariable("NO_COLOR") != '\0');
  environment.server = EnvironmentVariable("SIGHTLINE_SERVER");
  environment.version = SIGHTLINE_VERSION;

  Arguments program("sightline",
                    "Search photos, scans, PDFs and notes by text and by picture, and get answers "
                    "that show their sources.",
                    "sightline " SIGHTLINE_VERSION);
  AddDemo(program, environment);
  AddServe(program);
  AddIngest(program, environment);
  AddSearch(program, environment);
  AddAsk(program, environment);
  AddEval(program, environment);
  AddCollections(program, environment);
  AddDocuments(program, environment);
  AddJobs(program, environment);
  AddBackup(program, environment);
  AddMcp(program, environment);
  AddDoctor(program, environment);
  const int exit_code = program.Run(argc, argv);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::perror("error: cannot write the output");
    return kFailed;
  }
  return exit_code;
}

}  // namespace
}  // namespace sightline::cli

int main(int argc, char** argv) {
  try {
    return sightline::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return sightline::cli::kFailed;
  }
}
