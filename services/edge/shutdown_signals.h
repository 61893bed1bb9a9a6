#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sightline::edge {

// Turns SIGTERM, SIGINT and SIGHUP into something a thread can wait for: the first asks for a
// graceful stop, the second ends the process at once with exit code 1. SIGPIPE is ignored. One a
// process.
class ShutdownSignals {
 public:
  // Installs the handlers. Child processes get the defaults back when they exec.
  static absl::StatusOr<std::unique_ptr<ShutdownSignals>> Install();
  ~ShutdownSignals();  // the defaults again

  // Waits for the first signal; false when `deadline` passes before it comes. Any thread.
  bool Wait(absl::Time deadline = absl::InfiniteFuture());

 private:
  ShutdownSignals() = default;
};

}  // namespace sightline::edge
