#include "services/pull/retry.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace sightline::services {
namespace {

constexpr absl::Duration kLongestWait = absl::Seconds(30);
constexpr absl::Duration kNap = absl::Milliseconds(50);  // between two looks at `stopped`

}  // namespace

absl::Status RetryUnavailable(const RetryPolicy& policy, const std::function<Attempt()>& attempt) {
  int failures = 0;
  absl::Duration wait = policy.first_wait;
  while (true) {
    const Attempt done = attempt();
    if (!absl::IsUnavailable(done.status)) return done.status;
    if (done.progressed) {
      failures = 0;
      wait = policy.first_wait;
    }
    if (++failures > policy.retries) return done.status;
    const absl::Duration pause = done.wait.value_or(wait);
    wait = std::min(2 * wait, kLongestWait);
    policy.on_retry(done.status, pause);
    for (const absl::Time end = absl::Now() + pause; absl::Now() < end;) {
      if (policy.stopped()) return absl::CancelledError("stopped");
      absl::SleepFor(std::min(kNap, end - absl::Now()));
    }
  }
}

}  // namespace sightline::services
