#include "client/cancellation.h"

#include <grpcpp/client_context.h>

namespace sightline::client {

void Cancellation::Cancel() {
  absl::MutexLock lock(&mu_);
  cancelled_ = true;
  for (grpc::ClientContext* context : running_) context->TryCancel();
}

bool Cancellation::cancelled() const {
  absl::MutexLock lock(&mu_);
  return cancelled_;
}

bool Cancellation::WaitUntil(absl::Time time) const {
  absl::MutexLock lock(&mu_);
  return mu_.AwaitWithDeadline(absl::Condition(&cancelled_), time);
}

void Cancellation::Enter(grpc::ClientContext* context) {
  absl::MutexLock lock(&mu_);
  running_.insert(context);
  if (cancelled_) context->TryCancel();  // before its start: it ends as soon as it starts
}

void Cancellation::Leave(grpc::ClientContext* context) {
  absl::MutexLock lock(&mu_);
  running_.erase(context);
}

}  // namespace sightline::client
