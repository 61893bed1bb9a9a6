#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sightline {

// Where one of a child's standard streams goes.
enum class ChildStream { kInherit, kNull, kPipe, kFile };

struct ProcessOptions {
  std::vector<std::string> argv = {};   // argv[0] is the program's path, or a name that PATH finds
  ChildStream in = ChildStream::kNull;  // not kFile
  ChildStream out = ChildStream::kInherit;
  ChildStream err = ChildStream::kInherit;
  std::string out_path = {};  // for kFile; made when missing, appended to
  std::string err_path = {};  // likewise; may equal out_path
  // Its own process group: a Ctrl-C at the terminal then reaches only the parent.
  bool own_group = false;
};

struct ExitStatus {
  int code = 0;    // what it returned, when signal is 0
  int signal = 0;  // what ended it, or 0
  bool ok() const { return code == 0 && signal == 0; }
};

// "exit code 3" or "signal 9 (Killed)".
std::string Describe(const ExitStatus& exit);

// A running child. Signals that the parent blocks or handles have their default action in it, and
// no file of the parent is open in it. Not thread-safe.
class Process {
 public:
  // kNotFound: no such program; kInvalidArgument: empty argv or path; kUnavailable: the system
  // refused, with its reason.
  static absl::StatusOr<std::unique_ptr<Process>> Start(const ProcessOptions& options);

  // A child that still runs is killed and waited for.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  // Our ends of its pipes, closed with this object; -1 for a stream that is no pipe.
  int in_fd() const { return in_fd_; }
  int out_fd() const { return out_fd_; }
  int err_fd() const { return err_fd_; }

  // Closes our end of its standard input: it reads the end of the file.
  void CloseIn();

  // kFailedPrecondition: it has ended already.
  absl::Status Signal(int signal);

  // How it ended. kDeadlineExceeded: it still runs at `deadline`; call again. kInternal: the system
  // lost it.
  absl::StatusOr<ExitStatus> Wait(absl::Time deadline = absl::InfiniteFuture());

  // SIGTERM, SIGKILL after `grace`, and Wait.
  absl::StatusOr<ExitStatus> Stop(absl::Duration grace);

 private:
  Process(pid_t pid, int in_fd, int out_fd, int err_fd)
      : pid_(pid), in_fd_(in_fd), out_fd_(out_fd), err_fd_(err_fd) {}

  const pid_t pid_;
  int in_fd_;
  int out_fd_;
  int err_fd_;
  std::optional<ExitStatus> exit_;
};

// The next line from `fd` without its end, reading no further. kOutOfRange: the file ended first,
// what came is in the message; kDeadlineExceeded; kResourceExhausted: no line end in `max_bytes`.
absl::StatusOr<std::string> ReadLine(int fd, absl::Time deadline, size_t max_bytes = 65536);

}  // namespace sightline
