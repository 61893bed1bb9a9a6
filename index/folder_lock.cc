#include "index/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace sightline::index {
namespace {

std::string HolderOf(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof(text) - 1, 0);
  const absl::string_view pid =
      absl::StripAsciiWhitespace({text, n > 0 ? static_cast<size_t>(n) : 0});
  return pid.empty() ? "" : absl::StrCat(" (process ", pid, ")");
}

}  // namespace

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& folder) {
  const std::string path = folder + "/LOCK";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return absl::UnavailableError(absl::StrCat("cannot open ", path, ": ", std::strerror(errno)));
  }
  std::unique_ptr<FolderLock> lock(new FolderLock(fd));
  // A process that was killed while it started another one left the lock to that one until it runs
  // its own program, which closes it.
  const absl::Time patience = absl::Now() + absl::Seconds(1);
  int taken = ::flock(fd, LOCK_EX | LOCK_NB);
  while (taken != 0 && errno == EWOULDBLOCK && absl::Now() < patience) {
    absl::SleepFor(absl::Milliseconds(20));
    taken = ::flock(fd, LOCK_EX | LOCK_NB);
  }
  if (taken != 0) {
    if (errno != EWOULDBLOCK) {
      return absl::UnavailableError(absl::StrCat("cannot lock ", path, ": ", std::strerror(errno)));
    }
    return absl::FailedPreconditionError(
        absl::StrCat("the corpus folder ", folder, " is in use by another server", HolderOf(fd)));
  }
  // For the message above only; the lock does not depend on it.
  const std::string pid = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  }
  return lock;
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace sightline::index
