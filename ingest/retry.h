#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ingest/failure.h"
#include "model/call.h"

namespace sightline::ingest {

// Calls again what failed for a passing reason, waiting longer each time. One thread.
class Retry {
 public:
  // `max_attempts` >= 1 of each call. A notified `cancel` (not null) ends the waiting.
  Retry(int max_attempts, absl::Duration first_backoff, model::CancelFlag cancel)
      : max_attempts_(max_attempts), first_backoff_(first_backoff), cancel_(std::move(cancel)) {}

  // The result of `call`, a function that returns Status or StatusOr: the first that is OK or
  // permanent, or the last. kCancelled: cancelled while waiting.
  template <typename Call>
  std::invoke_result_t<Call> operator()(const Call& call) {
    absl::Duration backoff = first_backoff_;
    for (int attempt = 1;; ++attempt) {
      auto result = call();
      if (attempt >= max_attempts_ || !IsTransient(StatusOf(result))) return result;
      ++repeats_;
      if (cancel_->WaitForNotificationWithTimeout(backoff)) {
        return absl::CancelledError("cancelled between two attempts");
      }
      backoff = std::min(backoff * 4, kLongestBackoff);
    }
  }

  // Calls made beyond the first ones.
  int repeats() const { return repeats_; }

 private:
  static constexpr absl::Duration kLongestBackoff = absl::Seconds(10);

  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }

  const int max_attempts_;
  const absl::Duration first_backoff_;
  const model::CancelFlag cancel_;
  int repeats_ = 0;
};

}  // namespace sightline::ingest
