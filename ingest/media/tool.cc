#include "ingest/media/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "ingest/media/sandbox.h"
#include "ingest/media/unique_fd.h"

namespace sightline::media {
namespace {

constexpr int kToolInputFd = 4;
constexpr int kMissingExitCode = 127;
constexpr size_t kKeptErrorBytes = 16 << 10;
constexpr size_t kMaxErrorBytes = 4 << 20;  // files made to be complained about endlessly pass it
constexpr const char* kProgramFolders[] = {"/usr/bin/", "/usr/local/bin/", "/bin/"};
// A tool with a locale and a path, and nothing else of ours.
constexpr const char* kEnvironment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8",
                                        "HOME=/nonexistent", nullptr};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

bool OpenPipe(Pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read = UniqueFd(ends[0]);
  pipe.write = UniqueFd(ends[1]);
  return true;
}

void SetLimit(__rlimit_resource resource, rlim_t value) {
  const rlimit limit = {value, value};
  ::setrlimit(resource, &limit);
}

// The tool ends itself when its time is up: the sandbox lets nobody send signals.
void LimitTime(absl::Duration timeout) {
  const int64_t us = std::max<int64_t>(1, absl::ToInt64Microseconds(timeout));
  itimerval timer = {};
  timer.it_value.tv_sec = us / 1'000'000;
  timer.it_value.tv_usec = us % 1'000'000;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
  SetLimit(RLIMIT_CPU, static_cast<rlim_t>(us / 1'000'000 + 1));
}

// Runs in the forked process; does not return.
[[noreturn]] void BecomeTool(const ToolRun& run, const std::vector<std::string>& programs,
                             char* const* argv, int parent, const Pipe& out, const Pipe& err) {
  // `file` may itself be 4: then dup2 would leave it closing on exec.
  const bool in_place = run.file == kToolInputFd && ::fcntl(run.file, F_SETFD, 0) == 0;
  const bool ready = (in_place || ::dup2(run.file, kToolInputFd) == kToolInputFd) &&
                     ::dup2(out.write.get(), STDOUT_FILENO) >= 0 &&
                     ::dup2(err.write.get(), STDERR_FILENO) >= 0 && DieWithParent(parent);
  if (!ready) ::_exit(kMissingExitCode);
  LimitTime(run.timeout);
  SetLimit(RLIMIT_AS, static_cast<rlim_t>(run.memory_bytes));
  SetLimit(RLIMIT_FSIZE, 0);
  for (const std::string& program : programs) {
    ::execve(program.c_str(), argv, const_cast<char* const*>(kEnvironment));
  }
  ::_exit(kMissingExitCode);
}

// One of the tool's streams: how much of it is kept, and how much may come.
struct Stream {
  UniqueFd& fd;
  const size_t kept_bytes;
  const size_t max_bytes;
  std::string& text;
  size_t received = 0;

  // Reads what is there. True when too much has come.
  bool Drain() {
    char chunk[1 << 16];
    const ssize_t n = ::read(fd.get(), chunk, sizeof(chunk));
    if (n < 0 && errno == EINTR) return false;
    if (n <= 0) {
      fd.Reset();
      return false;
    }
    text.append(chunk, std::min(static_cast<size_t>(n), kept_bytes - text.size()));
    received += static_cast<size_t>(n);
    return received > max_bytes;
  }
};

// Until the tool closes both streams. True when it wrote too much.
bool Collect(const ToolRun& run, Pipe& out, Pipe& err, ToolResult& result) {
  Stream output = {out.read, run.max_output_bytes, run.max_output_bytes, result.output};
  Stream errors = {err.read, kKeptErrorBytes, kMaxErrorBytes, result.errors};
  bool too_much = false;
  while (!too_much && (out.read.valid() || err.read.valid())) {
    pollfd waiting[2] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0) continue;
    if (waiting[0].revents != 0) too_much = output.Drain();
    if (waiting[1].revents != 0) too_much = errors.Drain() || too_much;
  }
  out.read.Reset();  // a tool that goes on writing is ended by SIGPIPE
  err.read.Reset();
  return too_much;
}

ToolEnd EndOf(int status, bool too_much) {
  if (too_much) return ToolEnd::kTooMuch;
  if (WIFEXITED(status)) {
    return WEXITSTATUS(status) == kMissingExitCode ? ToolEnd::kMissing : ToolEnd::kExited;
  }
  const int signal = WTERMSIG(status);
  const bool timed_out = signal == SIGALRM || signal == SIGXCPU || signal == SIGKILL;
  return timed_out ? ToolEnd::kTimeout : ToolEnd::kCrashed;
}

}  // namespace

ToolResult RunTool(const ToolRun& run) {
  ToolResult result;
  Pipe out;
  Pipe err;
  if (!OpenPipe(out) || !OpenPipe(err)) return result;
  std::vector<std::string> programs;
  for (const char* folder : kProgramFolders) programs.push_back(absl::StrCat(folder, run.name));
  std::vector<char*> argv = {const_cast<char*>(run.name.c_str())};
  for (const std::string& argument : run.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);

  const int parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return result;
  if (pid == 0) BecomeTool(run, programs, argv.data(), parent, out, err);
  out.write.Reset();
  err.write.Reset();
  const bool too_much = Collect(run, out, err, result);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.end = EndOf(status, too_much);
  if (result.end == ToolEnd::kExited) result.exit_code = WEXITSTATUS(status);
  return result;
}

}  // namespace sightline::media
