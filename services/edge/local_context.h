#pragma once

#include <grpcpp/server_context.h>

#include <memory>
#include <string>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace sightline::edge {

// What a handler gets for its context when its own process calls it, with no gRPC in between. It
// can be given to a CallScope and to ReportStages, which know of it. Nothing else of the base class
// has anything behind it: a handler that touches more cannot be called like this.
class LocalContext final : public grpc::ServerContext {
 public:
  explicit LocalContext(absl::Time deadline) : deadline_(deadline) {}

  absl::Time deadline() const { return deadline_; }
  const std::shared_ptr<absl::Notification>& cancel() const { return cancel_; }

  // Once, from any thread: nobody waits for the reply any more.
  void Cancel() { cancel_->Notify(); }

  // As ReportStages writes them; empty until then.
  std::string stages;

 private:
  const absl::Time deadline_;
  const std::shared_ptr<absl::Notification> cancel_ = std::make_shared<absl::Notification>();
};

}  // namespace sightline::edge
