#pragma once

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace sightline::services {

// How one attempt went.
struct Attempt {
  absl::Status status = {};
  bool progressed = false;                  // got further than the one before
  std::optional<absl::Duration> wait = {};  // what the server asks for before the next one
};

struct RetryPolicy {
  int retries = 5;  // in a row that get no further
  absl::Duration first_wait = absl::Milliseconds(500);
  std::function<bool()> stopped;
  std::function<void(const absl::Status& why, absl::Duration wait)> on_retry;
};

// Makes attempts until one ends otherwise than kUnavailable, or the retries are used up. Waits
// double from first_wait to 30 s. kCancelled when `stopped` says so while waiting.
absl::Status RetryUnavailable(const RetryPolicy& policy, const std::function<Attempt()>& attempt);

}  // namespace sightline::services
