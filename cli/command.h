#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/arguments.h"
#include "cli/connection.h"
#include "cli/s3/settings.h"
#include "cli/terminal.h"

namespace sightline::cli {

// What the commands need to know of the surroundings; read once in main.
struct Environment {
  Terminal terminal;
  std::string server;  // SIGHTLINE_SERVER, or empty
  std::string version;
  s3::Environment s3;
};

// Arguments of every command that talks to a server.
struct CommonArguments {
  std::string server;
  std::string data;
  std::string model;
  bool json = false;
  std::optional<double> timeout_s;
};

void AddCommonArguments(Arguments& arguments, CommonArguments& common);

// `default_timeout` of one call applies where --timeout is absent.
absl::StatusOr<std::unique_ptr<Connection>> Connect(const CommonArguments& common,
                                                    const Environment& environment,
                                                    absl::Duration default_timeout);

inline constexpr absl::Duration kCallTimeout = absl::Minutes(2);

// Writes the whole of `text` to standard output.
void Print(const std::string& text);
void PrintLine(const std::string& text);

// Each adds one command, or one group of them, to the program. `environment` outlives the run.
void AddServe(Arguments& program);
void AddIngest(Arguments& program, const Environment& environment);
void AddSearch(Arguments& program, const Environment& environment);
void AddAsk(Arguments& program, const Environment& environment);
void AddLocate(Arguments& program, const Environment& environment);
void AddCollections(Arguments& program, const Environment& environment);
void AddDocuments(Arguments& program, const Environment& environment);
void AddJobs(Arguments& program, const Environment& environment);
void AddBackup(Arguments& program, const Environment& environment);  // fsck, erase
void AddDoctor(Arguments& program, const Environment& environment);
void AddEval(Arguments& program, const Environment& environment);
void AddBench(Arguments& program, const Environment& environment);
void AddMcp(Arguments& program, const Environment& environment);
void AddDemo(Arguments& program, const Environment& environment);

// `serve`, `gateway`, `model` and most of `backup` are commands of sightline-server, which takes
// this process's place. Returns only when `argv` names none of them or asks for our help, or with
// kNotFound.
std::optional<absl::Status> ForwardToServer(int argc, char** argv);
// The body of such a command: only reached when its line was left to us, which then is wrong.
CommandBody Forwarded();

}  // namespace sightline::cli
