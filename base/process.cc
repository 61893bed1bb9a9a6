#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"

extern char** environ;

namespace sightline {
namespace {

struct Pipe {
  int read = -1;
  int write = -1;
};

void Close(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

absl::Status System(absl::string_view what, int error) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

absl::Status MakePipe(Pipe& pipe) {
  std::array<int, 2> fds;
  // Close-on-exec: a sister child must not keep our end open.
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return System("cannot make a pipe", errno);
  pipe = {fds[0], fds[1]};
  return absl::OkStatus();
}

// Sets what descriptor `target` is in the child.
absl::Status Redirect(posix_spawn_file_actions_t& actions, ChildStream stream, int target,
                      int pipe_end, const std::string& path) {
  switch (stream) {
    case ChildStream::kInherit: return absl::OkStatus();
    case ChildStream::kNull:
      posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0);
      return absl::OkStatus();
    case ChildStream::kPipe:
      posix_spawn_file_actions_adddup2(&actions, pipe_end, target);
      return absl::OkStatus();
    case ChildStream::kFile:
      if (target == 0 || path.empty()) return absl::InvalidArgumentError("process: no file named");
      posix_spawn_file_actions_addopen(&actions, target, path.c_str(),
                                       O_WRONLY | O_CREAT | O_APPEND, 0600);
      return absl::OkStatus();
  }
  return absl::InternalError("process: unknown stream");
}

void SetAttributes(posix_spawnattr_t& attributes, bool own_group) {
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  if (own_group) {
    posix_spawnattr_setpgroup(&attributes, 0);
    flags |= POSIX_SPAWN_SETPGROUP;
  }
  posix_spawnattr_setflags(&attributes, flags);
}

ExitStatus FromWait(int status) {
  if (WIFSIGNALED(status)) return {.code = 0, .signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status), .signal = 0};
}

}  // namespace

std::string Describe(const ExitStatus& exit) {
  if (exit.signal == 0) return absl::StrCat("exit code ", exit.code);
  return absl::StrCat("signal ", exit.signal, " (", strsignal(exit.signal), ")");
}

absl::StatusOr<std::unique_ptr<Process>> Process::Start(const ProcessOptions& options) {
  if (options.argv.empty() || options.argv[0].empty()) {
    return absl::InvalidArgumentError("process: no program named");
  }
  Pipe in;
  Pipe out;
  Pipe err;
  const auto close_all = absl::MakeCleanup([&] {
    for (Pipe* pipe : {&in, &out, &err}) {
      Close(pipe->read);
      Close(pipe->write);
    }
  });
  if (options.in == ChildStream::kPipe) SL_RETURN_IF_ERROR(MakePipe(in));
  if (options.out == ChildStream::kPipe) SL_RETURN_IF_ERROR(MakePipe(out));
  if (options.err == ChildStream::kPipe) SL_RETURN_IF_ERROR(MakePipe(err));

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  const auto destroy = absl::MakeCleanup([&] {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  });
  SL_RETURN_IF_ERROR(Redirect(actions, options.in, 0, in.read, ""));
  SL_RETURN_IF_ERROR(Redirect(actions, options.out, 1, out.write, options.out_path));
  SL_RETURN_IF_ERROR(Redirect(actions, options.err, 2, err.write, options.err_path));
  SetAttributes(attributes, options.own_group);

  std::vector<char*> argv;
  for (const std::string& item : options.argv) argv.push_back(const_cast<char*>(item.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  if (error != 0) return System(absl::StrCat("cannot start ", options.argv[0]), error);
  return std::unique_ptr<Process>(new Process(
      pid, std::exchange(in.write, -1), std::exchange(out.read, -1), std::exchange(err.read, -1)));
}

Process::~Process() {
  if (!exit_.has_value()) {
    ::kill(pid_, SIGKILL);
    Wait().IgnoreError();
  }
  Close(in_fd_);
  Close(out_fd_);
  Close(err_fd_);
}

void Process::CloseIn() { Close(in_fd_); }

absl::Status Process::Signal(int signal) {
  // Not yet waited for, so the number still names our child even when it has ended.
  if (exit_.has_value()) return absl::FailedPreconditionError("the process has ended");
  if (::kill(pid_, signal) != 0) return System(absl::StrCat("cannot signal ", pid_), errno);
  return absl::OkStatus();
}

absl::StatusOr<ExitStatus> Process::Wait(absl::Time deadline) {
  absl::Duration pause = absl::Milliseconds(1);
  while (!exit_.has_value()) {
    int status = 0;
    const bool forever = deadline == absl::InfiniteFuture();
    const pid_t got = ::waitpid(pid_, &status, forever ? 0 : WNOHANG);
    if (got == pid_) {
      exit_ = FromWait(status);
    } else if (got < 0 && errno != EINTR) {
      exit_ = ExitStatus{};
      return absl::InternalError(
          absl::StrCat("cannot wait for ", pid_, ": ", std::strerror(errno)));
    } else if (got == 0) {
      if (absl::Now() >= deadline) {
        return absl::DeadlineExceededError(absl::StrCat("process ", pid_, " still runs"));
      }
      absl::SleepFor(std::min(pause, deadline - absl::Now()));
      pause = std::min(pause * 2, absl::Milliseconds(20));
    }
  }
  return *exit_;
}

absl::StatusOr<ExitStatus> Process::Stop(absl::Duration grace) {
  if (exit_.has_value()) return *exit_;
  SL_RETURN_IF_ERROR(Signal(SIGTERM));
  auto exit = Wait(absl::Now() + grace);
  if (!absl::IsDeadlineExceeded(exit.status())) return exit;
  SL_RETURN_IF_ERROR(Signal(SIGKILL));
  return Wait();
}

absl::StatusOr<std::string> ReadLine(int fd, absl::Time deadline, size_t max_bytes) {
  std::string line;
  while (line.size() < max_bytes) {
    pollfd item = {.fd = fd, .events = POLLIN, .revents = 0};
    const int64_t left =
        deadline == absl::InfiniteFuture()
            ? -1
            : std::clamp<int64_t>(absl::ToInt64Milliseconds(deadline - absl::Now()) + 1, 0, 60000);
    const int ready = ::poll(&item, 1, static_cast<int>(left));
    if (ready == 0 && absl::Now() >= deadline) {
      return absl::DeadlineExceededError("no line came in time");
    }
    if (ready <= 0) {
      if (ready < 0 && errno != EINTR) return System("cannot wait for a line", errno);
      continue;
    }
    char c = 0;
    // One byte at a time: what follows the line belongs to the next reader.
    const ssize_t got = ::read(fd, &c, 1);
    if (got == 0) return absl::OutOfRangeError(line);
    if (got < 0 && errno != EINTR && errno != EAGAIN) return System("cannot read a line", errno);
    if (got < 0) continue;
    if (c == '\n') return line;
    line.push_back(c);
  }
  return absl::ResourceExhaustedError(absl::StrCat("no line end in ", max_bytes, " bytes"));
}

}  // namespace sightline
