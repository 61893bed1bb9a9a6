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

s3::Environment ReadS3Environment() {
  const auto first_of = [](const char* name, const char* other) {
    const char* value = EnvironmentVariable(name);
    return *value != '\0' ? value : EnvironmentVariable(other);
  };
  return {.access_key_id = EnvironmentVariable("AWS_ACCESS_KEY_ID"),
          .secret_access_key = EnvironmentVariable("AWS_SECRET_ACCESS_KEY"),
          .session_token = EnvironmentVariable("AWS_SESSION_TOKEN"),
          .region = first_of("AWS_REGION", "AWS_DEFAULT_REGION"),
          .endpoint = first_of("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
          .ca_file = EnvironmentVariable("AWS_CA_BUNDLE")};
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
  environment.s3 = ReadS3Environment();

  Arguments program("sightline",
                    "Search photos, scans, PDFs and notes by text and by picture, and get answers "
                    "that show their sources.",
                    "sightline " SIGHTLINE_VERSION);
  AddDemo(program, environment);
  AddServe(program);
  AddIngest(program, environment);
  AddSearch(program, environment);
  AddAsk(program, environment);
  AddLocate(program, environment);
  AddEval(program, environment);
  AddBench(program, environment);
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
