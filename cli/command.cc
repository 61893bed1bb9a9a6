#include "cli/command.h"

#include <cstdio>

namespace sightline::cli {

void AddCommonArguments(Arguments& arguments, CommonArguments& common) {
  arguments.Text("--server", common.server,
                 "Running server; default SIGHTLINE_SERVER, else 127.0.0.1:50051", "HOST:PORT");
  arguments.Text("--data", common.data, "Start a private server on this folder, and stop it after",
                 "DIR");
  arguments.Text("--model", common.model, "Model folder of the private server", "DIR");
  arguments.Flag("--json", common.json, "JSON for machines");
  arguments.Real("--timeout", common.timeout_s, 0.001, 1e9, "Give up after X seconds");
}

absl::StatusOr<std::unique_ptr<Connection>> Connect(const CommonArguments& common,
                                                    const Environment& environment,
                                                    absl::Duration default_timeout) {
  ConnectionOptions options;
  options.server = common.server;
  options.data = common.data;
  options.model = common.model;
  options.fallback = environment.server;
  options.timeout =
      common.timeout_s.has_value() ? absl::Seconds(*common.timeout_s) : default_timeout;
  options.quiet = common.json;
  return Connection::Open(options);
}

void Print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void PrintLine(const std::string& text) {
  Print(text);
  std::fputc('\n', stdout);
}

}  // namespace sightline::cli
