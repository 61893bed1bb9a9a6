#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "cli/exit_code.h"

namespace sightline::cli {
namespace {

struct State {
  absl::Mutex mu;
  std::vector<const std::function<void()>*> callbacks ABSL_GUARDED_BY(mu);
  absl::Notification interrupted;
};

// Never destroyed: the watching thread may outlive main.
State& TheState() {
  static State& state = *new State;
  return state;
}

void Watch(sigset_t signals) {
  int signal = 0;
  sigwait(&signals, &signal);
  State& state = TheState();
  {
    absl::MutexLock lock(&state.mu);
    state.interrupted.Notify();
    for (const auto* callback : state.callbacks) (*callback)();
    state.callbacks.clear();
  }
  sigwait(&signals, &signal);
  ::_exit(kInterrupted);
}

}  // namespace

void WatchForInterrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(Watch, signals).detach();
}

bool Interrupted() { return TheState().interrupted.HasBeenNotified(); }

OnInterrupt::OnInterrupt(std::function<void()> callback) : callback_(std::move(callback)) {
  State& state = TheState();
  absl::MutexLock lock(&state.mu);
  if (state.interrupted.HasBeenNotified()) {
    callback_();
  } else {
    state.callbacks.push_back(&callback_);
  }
}

OnInterrupt::~OnInterrupt() {
  State& state = TheState();
  absl::MutexLock lock(&state.mu);
  state.callbacks.erase(std::remove(state.callbacks.begin(), state.callbacks.end(), &callback_),
                        state.callbacks.end());
}

void WaitForInterrupt() { TheState().interrupted.WaitForNotification(); }

}  // namespace sightline::cli
