#include "client/call.h"

#include <algorithm>

#include "absl/random/random.h"
#include "absl/time/clock.h"
#include "client/failure.h"

namespace sightline::client {
namespace {

constexpr absl::Duration kLongestBackoff = absl::Seconds(5);

bool MayRepeat(const Attempt& made) {
  return made.repeatable &&
         (absl::IsUnavailable(made.status) || FailureRetryAfter(made.status).has_value());
}

// Between half of it and all of it, so that clients that failed together do not come back together.
absl::Duration WithJitter(absl::Duration backoff) {
  absl::BitGen random;
  return backoff * absl::Uniform(random, 0.5, 1.0);
}

}  // namespace

ContextOfCall::ContextOfCall(const CallSettings& settings, const CallOptions& options)
    : cancellation_(options.cancellation) {
  for (const auto& [name, value] : settings.metadata) context_.AddMetadata(name, value);
  if (options.deadline != absl::InfiniteFuture()) {
    context_.set_deadline(absl::ToChronoTime(options.deadline));
  }
  if (cancellation_ != nullptr) cancellation_->Enter(&context_);
}

ContextOfCall::~ContextOfCall() {
  if (cancellation_ != nullptr) cancellation_->Leave(&context_);
}

absl::Status RunCall(const CallSettings& settings, const CallOptions& options,
                     absl::FunctionRef<Attempt(grpc::ClientContext&)> attempt) {
  absl::Duration backoff = settings.first_backoff;
  for (int number = 1;; ++number) {
    ContextOfCall context(settings, options);
    const Attempt made = attempt(context.get());
    if (number >= settings.max_attempts || !MayRepeat(made)) return made.status;
    const absl::Time again =
        absl::Now() + std::max(WithJitter(backoff),
                               FailureRetryAfter(made.status).value_or(absl::ZeroDuration()));
    const absl::Status pause = Pause(options, again);
    // The server's own failure says more than that the time is over.
    if (absl::IsDeadlineExceeded(pause)) return made.status;
    if (!pause.ok()) return pause;
    backoff = std::min(2 * backoff, kLongestBackoff);
  }
}

absl::Status Pause(const CallOptions& options, absl::Time time) {
  if (time >= options.deadline)
    return absl::DeadlineExceededError("the call's deadline has passed");
  if (options.cancellation == nullptr) {
    absl::SleepFor(time - absl::Now());
  } else if (options.cancellation->WaitUntil(time)) {
    return absl::CancelledError("cancelled");
  }
  return absl::OkStatus();
}

}  // namespace sightline::client
