#pragma once

#include <grpcpp/client_context.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "client/client.h"

namespace sightline::client {

// What every call of one client has in common.
struct CallSettings {
  std::vector<std::pair<std::string, std::string>> metadata;  // valid; "authorization" included
  int max_attempts = 1;
  absl::Duration first_backoff = absl::ZeroDuration();
};

// One attempt's context: metadata and deadline set, known to the cancellation while it lives.
class ContextOfCall {
 public:
  ContextOfCall(const CallSettings& settings, const CallOptions& options);
  ~ContextOfCall();
  ContextOfCall(const ContextOfCall&) = delete;
  ContextOfCall& operator=(const ContextOfCall&) = delete;
  grpc::ClientContext& get() { return context_; }

 private:
  Cancellation* const cancellation_;  // may be null
  grpc::ClientContext context_;
};

struct Attempt {
  absl::Status status;
  bool repeatable = false;  // nothing of it is lost or doubled when it is made again
};

// Makes `attempt` once, and again while it fails with kUnavailable or the server said when to come
// back, is repeatable, and attempts and time are left. Waits between attempts at least as long as
// the server asked. Any thread.
absl::Status RunCall(const CallSettings& settings, const CallOptions& options,
                     absl::FunctionRef<Attempt(grpc::ClientContext&)> attempt);

// Waits until `time`. kCancelled and kDeadlineExceeded, at once where the deadline lies before it.
absl::Status Pause(const CallOptions& options, absl::Time time);

}  // namespace sightline::client
