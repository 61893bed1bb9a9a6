#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sightline::cli {

struct LoadOptions {
  int clients = 2;  // that call at once, each the next time when its last call has ended
  absl::Duration warm_up = absl::Seconds(1);  // not counted
  absl::Duration length = absl::Seconds(10);
};

struct LoadResult {
  int64_t calls = 0;
  double seconds = 0;  // from the end of the warm-up until the last call ended
  double rate() const { return seconds > 0 ? static_cast<double>(calls) / seconds : 0; }
};

// Calls `body` with 0, 1, 2 … from several threads. `counted` is whether the call began after the
// warm-up. The first failure ends it and is returned; kCancelled after Ctrl-C.
absl::StatusOr<LoadResult> RunLoad(
    const LoadOptions& options,
    const std::function<absl::Status(int64_t call, bool counted)>& body);

}  // namespace sightline::cli
