#include "cli/private_server.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

namespace sightline::cli {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kStopGrace = absl::Seconds(30);
constexpr size_t kShownLogBytes = 2000;

// The end of what the server wrote since `start`.
std::string LogTail(const std::string& path, uint64_t start) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(start));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (text.size() > kShownLogBytes) {
    text.erase(0, text.size() - kShownLogBytes);
    text.erase(0, text.find('\n') + 1);
  }
  return std::string(absl::StripSuffix(text, "\n"));
}

bool Readable(int fd, absl::Duration timeout) {
  pollfd item = {.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&item, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) > 0;
}

// "ready grpc=ADDR http=ADDR": the value of `key`, or empty.
std::string ReadyValue(absl::string_view line, absl::string_view key) {
  for (const absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    absl::string_view value = word;
    if (absl::ConsumePrefix(&value, absl::StrCat(key, "="))) return std::string(value);
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> SisterProgram(const std::string& name) {
  SL_ASSIGN_OR_RETURN(const std::string folder, ProgramDirectory());
  const std::string path = folder + "/" + name;
  if (::access(path.c_str(), X_OK) == 0) return path;
  return absl::NotFoundError(
      absl::StrCat(name, " is not beside this program: expected ", path, "; build or install it"));
}

PrivateServer::PrivateServer(std::unique_ptr<TempDir> socket_folder,
                             std::unique_ptr<Process> process)
    : socket_folder_(std::move(socket_folder)), process_(std::move(process)) {}

absl::StatusOr<std::unique_ptr<PrivateServer>> PrivateServer::Start(
    const PrivateServerOptions& options) {
  SL_ASSIGN_OR_RETURN(const std::string program, SisterProgram("sightline-server"));
  std::error_code error;
  fs::create_directories(options.data, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot make the data folder ", options.data, ": ", error.message()));
  }
  // A Unix socket's path may have 107 bytes, so it lies in a folder with a short name.
  SL_ASSIGN_OR_RETURN(std::unique_ptr<TempDir> folder, TempDir::Create("sightline"));
  const std::string log_path = options.data + "/server.log";
  uint64_t log_start = fs::file_size(log_path, error);
  if (error) log_start = 0;

  ProcessOptions process;
  process.argv = {program,
                  "serve",
                  "--data",
                  options.data,
                  "--grpc",
                  absl::StrCat("unix:", folder->path(), "/s.sock"),
                  "--http",
                  options.http.empty() ? "off" : options.http,
                  "--die-with-parent"};
  if (!options.model.empty()) {
    process.argv.push_back("--model");
    process.argv.push_back(options.model);
  }
  if (!options.backups.empty()) {
    process.argv.push_back("--backup-path");
    process.argv.push_back(options.backups);
  }
  process.out = ChildStream::kPipe;
  process.err = ChildStream::kFile;
  process.err_path = log_path;
  process.own_group = true;  // Ctrl-C is ours to handle; the server stops when we say so
  SL_ASSIGN_OR_RETURN(std::unique_ptr<Process> child, Process::Start(process));
  std::unique_ptr<PrivateServer> server(new PrivateServer(std::move(folder), std::move(child)));
  SL_RETURN_IF_ERROR(server->WaitUntilReady(options, log_path, log_start));
  return server;
}

absl::Status PrivateServer::WaitUntilReady(const PrivateServerOptions& options,
                                           const std::string& log_path, uint64_t log_start) {
  const absl::Time start = absl::Now();
  const absl::Time deadline = start + options.start_timeout;
  bool told = options.quiet;
  while (true) {
    if (Interrupted()) return absl::CancelledError("interrupted while the server started");
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(absl::StrCat("the server was not ready after ",
                                                      ShortDuration(options.start_timeout),
                                                      "; see ", log_path));
    }
    if (!told && absl::Now() - start > absl::Seconds(2)) {
      std::fprintf(stderr, "starting the server, loading the model…\n");
      told = true;
    }
    if (!Readable(process_->out_fd(), absl::Milliseconds(100))) continue;
    const auto line = ReadLine(process_->out_fd(), deadline);
    if (absl::IsOutOfRange(line.status())) break;
    SL_RETURN_IF_ERROR(line.status());
    if (line->rfind("not-ready", 0) == 0) {
      process_->Stop(kStopGrace).IgnoreError();
      return absl::FailedPreconditionError(
          absl::StrCat("the server does not serve:\n", LogTail(log_path, log_start)));
    }
    if (line->rfind("ready", 0) != 0) continue;
    grpc_address_ = ReadyValue(*line, "grpc");
    http_address_ = ReadyValue(*line, "http");
    if (!grpc_address_.empty()) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("the server's ready line names no address: ", *line));
  }
  SL_ASSIGN_OR_RETURN(const ExitStatus exit, process_->Stop(kStopGrace));
  const std::string log = LogTail(log_path, log_start);
  return absl::FailedPreconditionError(
      absl::StrCat("the server did not start (", Describe(exit), ")",
                   log.empty() ? absl::StrCat("; see ", log_path) : absl::StrCat(":\n", log)));
}

absl::StatusOr<int64_t> PrivateServer::ResidentBytes() const {
  std::ifstream statm(absl::StrCat("/proc/", process_->pid(), "/statm"));
  int64_t size = 0;
  int64_t resident = 0;
  if (!(statm >> size >> resident)) return absl::UnavailableError("the server has ended");
  return resident * ::sysconf(_SC_PAGESIZE);
}

PrivateServer::~PrivateServer() { process_->Stop(kStopGrace).IgnoreError(); }

}  // namespace sightline::cli
