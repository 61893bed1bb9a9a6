#include "ingest/media/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "ingest/media/worker_protocol.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxHelloBytes = 64;

// Moves a descriptor above the numbers that the child's standard streams and channel take.
absl::StatusOr<UniqueFd> MoveUp(int fd) {
  UniqueFd low(fd);
  UniqueFd high(::fcntl(low.get(), F_DUPFD_CLOEXEC, 16));
  if (!high.valid()) return absl::UnavailableError("no file descriptor left for a media worker");
  return high;
}

struct SpawnActions {
  SpawnActions() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnActions() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
};

void PlanStreams(posix_spawn_file_actions_t* files, int socket, bool keep_stderr) {
  ::posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (!keep_stderr) {
    ::posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  ::posix_spawn_file_actions_adddup2(files, socket, kChannelFd);
}

// The server may ignore or block signals; its children start with none of that.
void PlanSignals(posix_spawnattr_t* attributes) {
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(attributes, &none);
  ::posix_spawnattr_setsigdefault(attributes, &all);
  // A group of its own: Ctrl-C in the server's terminal is for the server, which ends its children
  // when their work is done.
  ::posix_spawnattr_setpgroup(attributes, 0);
  ::posix_spawnattr_setflags(
      attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const std::string& program,
                                                                  bool keep_stderr) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return absl::UnavailableError("no socket left for a media worker");
  }
  auto ours = MoveUp(pair[0]);
  auto theirs = MoveUp(pair[1]);
  if (!ours.ok()) return ours.status();
  if (!theirs.ok()) return theirs.status();

  SpawnActions actions;
  PlanStreams(&actions.files, theirs->get(), keep_stderr);
  PlanSignals(&actions.attributes);
  const std::string parent = absl::StrCat(::getpid());
  const char* argv[] = {program.c_str(), kWorkerFlag, parent.c_str(), nullptr};
  // Nothing of the server's environment, which may hold secrets.
  const char* environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8",
                               "HOME=/nonexistent", "OMP_THREAD_LIMIT=1", nullptr};
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, program.c_str(), &actions.files, &actions.attributes,
                    const_cast<char* const*>(argv), const_cast<char* const*>(environment));
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("the media worker does not start, error ", error));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, std::move(*ours)));
}

ChildProcess::~ChildProcess() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

absl::Status ChildProcess::SetUp(const Setup& setup, absl::Time deadline) {
  role_ = setup.role;
  SL_RETURN_IF_ERROR(channel_.Send(SerializeSetup(setup), -1, deadline));
  auto frame = channel_.Receive(kMaxHelloBytes, deadline);
  if (!frame.ok()) return frame.status();
  auto hello = ParseHello(frame->body);
  if (!hello.ok()) return hello.status();
  return hello->problem == Reason::kNone ? absl::OkStatus() : ReasonError(hello->problem);
}

absl::StatusOr<Reply> ChildProcess::Exchange(const Request& request, int fd, size_t max_reply_bytes,
                                             absl::Time deadline, UniqueFd& attachment) {
  ++requests_;
  SL_RETURN_IF_ERROR(channel_.Send(SerializeRequest(request), fd, deadline));
  auto frame = channel_.Receive(max_reply_bytes, deadline);
  if (!frame.ok()) return frame.status();
  auto reply = ParseReply(frame->body);
  if (!reply.ok()) return absl::InternalError(reply.status().message());
  if (frame->fd.valid() != (reply->attachment_bytes > 0)) {
    return absl::InternalError("the media worker's attachment does not fit its reply");
  }
  attachment = std::move(frame->fd);
  return reply;
}

}  // namespace sightline::media
