#pragma once

#include <grpcpp/support/status.h>

#include <atomic>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "services/edge/local_context.h"
#include "services/edge/metrics.h"

namespace sightline::edge {

// Calls of the services from within their process: bounded, counted, timed and logged as those over
// gRPC are. The bound is its own, beside that of gRPC's threads. Any thread.
class LocalCalls {
 public:
  // At most `max_calls` at once. `metrics` outlives it.
  LocalCalls(int max_calls, Metrics& metrics) : max_calls_(max_calls), metrics_(metrics) {}

  // Runs `handler` of `method`, "/package.Service/Method", on this thread. RESOURCE_EXHAUSTED: too
  // many are at work; UNKNOWN: it threw.
  grpc::Status Run(absl::string_view method, LocalContext& context,
                   absl::FunctionRef<grpc::Status()> handler);

 private:
  grpc::Status RunBounded(absl::FunctionRef<grpc::Status()> handler);

  const int max_calls_;
  Metrics& metrics_;
  std::atomic<int> at_work_{0};
};

}  // namespace sightline::edge
