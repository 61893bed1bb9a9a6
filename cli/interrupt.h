#pragma once

#include <functional>

namespace sightline::cli {

// Ctrl-C (SIGINT) and SIGTERM as an event that ordinary code may handle. One per process, because
// signals are.

// Call once, in main, before any thread starts: from then on the first signal runs the callbacks
// below, and a second one ends the program at once with exit code 130.
void WatchForInterrupts();

// True once a signal came. Any thread.
bool Interrupted();

// Runs `callback` once, on another thread, when a signal comes; at once when one came already.
// After the destructor has returned it does not run any more. Any thread.
class OnInterrupt {
 public:
  explicit OnInterrupt(std::function<void()> callback);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
  OnInterrupt& operator=(const OnInterrupt&) = delete;

 private:
  std::function<void()> callback_;
};

// Waits until a signal comes.
void WaitForInterrupt();

}  // namespace sightline::cli
