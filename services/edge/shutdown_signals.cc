#include "services/edge/shutdown_signals.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sightline::edge {
namespace {

// What the handler touches: it may only use lock-free atomics and write(2).
std::atomic<int> g_received{0};
int g_pipe[2] = {-1, -1};
constexpr int kSignals[] = {SIGTERM, SIGINT, SIGHUP};

void OnSignal(int) {
  if (g_received.fetch_add(1) > 0) ::_exit(1);
  const int saved = errno;
  const char byte = 0;
  [[maybe_unused]] const ssize_t written = ::write(g_pipe[1], &byte, 1);
  errno = saved;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ShutdownSignals>> ShutdownSignals::Install() {
  if (g_pipe[0] >= 0) return absl::FailedPreconditionError("shutdown signals: already installed");
  if (::pipe2(g_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("shutdown signals: pipe: ", std::strerror(errno)));
  }
  g_received = 0;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return std::unique_ptr<ShutdownSignals>(new ShutdownSignals());
}

ShutdownSignals::~ShutdownSignals() {
  for (const int signal : kSignals) ::signal(signal, SIG_DFL);
  ::close(g_pipe[0]);
  ::close(g_pipe[1]);
  g_pipe[0] = g_pipe[1] = -1;
}

bool ShutdownSignals::Wait(absl::Time deadline) {
  while (true) {
    if (g_received.load() > 0) return true;
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    // Rounded up, and bounded before that: an infinite time is the largest number there is.
    const int64_t ms = std::min<int64_t>(absl::ToInt64Milliseconds(left), 60'000) + 1;
    pollfd fd = {g_pipe[0], POLLIN, 0};
    ::poll(&fd, 1, static_cast<int>(ms));
  }
}

}  // namespace sightline::edge
