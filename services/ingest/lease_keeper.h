#pragma once

#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "ingest/ingestor.h"
#include "model/call.h"
#include "services/ingest/worker_client.h"

namespace sightline::services {

// Keeps one lease alive from a thread of its own while a job is under way, and says when that is to
// end.
class LeaseKeeper {
 public:
  // Both outlive the keeper. `length`: of a lease.
  LeaseKeeper(WorkerClient& client, std::string lease, absl::Duration length,
              const absl::Notification& stop);
  ~LeaseKeeper();  // keeps it no longer

  // Notified when the lease is lost or the worker is to stop.
  const model::CancelFlag& cancel() const { return cancel_; }

  // Told to the server with the next sign of life, within a second. Any thread.
  void Tell(const ingest::Progress& progress);

 private:
  void Run();
  // What changed since the last call.
  std::optional<ingest::Progress> News();

  WorkerClient& client_;
  const std::string lease_;
  const absl::Duration length_;
  const absl::Notification& stop_;
  const model::CancelFlag cancel_;
  absl::Notification done_;
  absl::Mutex mu_;
  std::optional<ingest::Progress> news_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;  // last: starts when the rest stands
};

}  // namespace sightline::services
