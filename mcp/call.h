#pragma once

#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sightline::mcp {

// One request's calls upstream, one after the other. Cancel may come from any thread.
class Call {
 public:
  // `authorization` goes with each, where it is not empty; `timeout` is of all together.
  // `no_cache`: nothing is to be taken from a cache.
  Call(std::string authorization, absl::Duration timeout, bool no_cache);

  // Runs `method` with a context that Cancel ends. The status carries the server's reason, which
  // ReasonOf gives.
  absl::Status Run(const std::function<grpc::Status(grpc::ClientContext*)>& method);

  // Ends the call that runs, and those to come.
  void Cancel();
  bool cancelled() const;
  bool no_cache() const { return no_cache_; }

 private:
  const std::string authorization_;
  const absl::Time deadline_;
  const bool no_cache_;
  mutable absl::Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  grpc::ClientContext* running_ ABSL_GUARDED_BY(mu_) = nullptr;
};

// The stable code that the server gave ("no_generator"), or the status code's name.
std::string ReasonOf(const absl::Status& status);

}  // namespace sightline::mcp
