#pragma once

#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace grpc {
class ClientContext;
}

namespace sightline::client {

// Ends calls early: those that were given it, running or still to come, return kCancelled. It
// outlives them; one may serve many calls, and cannot be undone. Every method from any thread.
class Cancellation {
 public:
  void Cancel();
  bool cancelled() const;

  // Waits until `time` or until it is cancelled, and returns whether it is.
  bool WaitUntil(absl::Time time) const;

 private:
  friend class ContextOfCall;
  void Enter(grpc::ClientContext* context);
  void Leave(grpc::ClientContext* context);

  mutable absl::Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  std::set<grpc::ClientContext*> running_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline::client
