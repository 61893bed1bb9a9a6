#include "ingest/media/sandbox_check.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <vector>

#include "ingest/media/sandbox.h"

namespace sightline::media {
namespace {

constexpr int64_t kMemoryBytes = int64_t{256} << 20;

struct Attempt {
  const char* what;
  std::function<bool()> succeeds;
};

bool Opens(const char* path, int flags) {
  const int fd = ::open(path, flags, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

// What /bin/true does when it may start is end the process with success.
bool StartsProgram() {
  char name[] = "true";
  char* const argv[] = {name, nullptr};
  return ::execve("/bin/true", argv, nullptr) == 0;
}

bool Forks() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  if (pid > 0) ::waitpid(pid, nullptr, 0);
  return pid > 0;
}

std::vector<Attempt> AttemptsOf(Role role) {
  const pid_t parent = ::getppid();
  std::vector<Attempt> attempts = {
      {"open an internet socket", [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }},
      {"open a local socket", [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }},
      {"make a socket pair",
       [] {
         int pair[2];
         return ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
       }},
      {"connect", [] { return ::connect(0, nullptr, 0) == 0 || errno != ENOSYS; }},
      {"trace the parent",
       [parent] { return ::ptrace(PTRACE_ATTACH, parent, nullptr, nullptr) == 0; }},
      {"read the parent's memory",
       [parent] {
         char byte = 0;
         const iovec part = {&byte, 1};
         return ::process_vm_readv(parent, &part, 1, &part, 1, 0) >= 0;
       }},
      {"signal the parent", [parent] { return ::kill(parent, 0) == 0; }},
      {"mount", [] { return ::mount("none", "/tmp", "tmpfs", 0, nullptr) == 0; }},
      {"leave the user namespace", [] { return ::unshare(CLONE_NEWUSER) == 0; }},
      {"create a file", [] { return Opens("/tmp/sightline-media-check", O_WRONLY | O_CREAT); }},
      {"remove a file", [] { return ::unlink("/tmp/sightline-media-check") == 0; }},
      {"use io_uring",
       [] { return ::syscall(SYS_io_uring_setup, 1, nullptr) >= 0 || errno != ENOSYS; }},
      {"load a BPF program",
       [] { return ::syscall(SYS_bpf, 0, nullptr, 0) >= 0 || errno != ENOSYS; }},
  };
  if (role != Role::kDocuments) {
    attempts.push_back({"open a file", [] { return Opens("/usr/bin/env", O_RDONLY); }});
    attempts.push_back({"start a process", &Forks});
    attempts.push_back({"map code", [] {
                          return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
                        }});
    attempts.push_back({"start a program", &StartsProgram});
  } else if (HasLandlock()) {
    attempts.push_back(
        {"open a file of the system's settings", [] { return Opens("/etc/passwd", O_RDONLY); }});
    attempts.push_back(
        {"open a process's files", [] { return Opens("/proc/1/environ", O_RDONLY); }});
  }
  return attempts;
}

// Runs in a process of its own; its exit code is the number of attempts that succeeded.
[[noreturn]] void TryAll(Role role, const char* name) {
  const UniqueFd meter = OpenMemoryMeter();
  if (!HideFiles()) ::_exit(100);
  const std::vector<Attempt> attempts = AttemptsOf(role);
  LimitResources(meter, kMemoryBytes, kMemoryBytes);
  if (!FilterSystemCalls(role)) ::_exit(100);
  int succeeded = 0;
  for (const Attempt& attempt : attempts) {
    // Announced first: an attempt that succeeds in starting a program does not come back.
    std::printf("%s: %s: ", name, attempt.what);
    std::fflush(stdout);
    const bool success = attempt.succeeds();
    succeeded += success ? 1 : 0;
    std::printf("%s\n", success ? "ALLOWED" : "refused");
    std::fflush(stdout);
  }
  std::printf("%s: tried %zu\n", name, attempts.size());
  std::fflush(stdout);
  ::_exit(succeeded == 0 ? 42 : 1);
}

bool CheckRole(Role role, const char* name) {
  std::fflush(stdout);
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid == 0) TryAll(role, name);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

}  // namespace

bool CheckSandbox() {
  const bool decoder = CheckRole(Role::kDecoder, "decoder");
  const bool documents = CheckRole(Role::kDocuments, "documents");
  const bool reader = CheckRole(Role::kReader, "reader");
  return decoder && documents && reader;
}

}  // namespace sightline::media
