#pragma once

#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "ingest/media/child_process.h"
#include "ingest/media/media_client.h"

namespace sightline::media {

// Hands out children, at most `workers` at a time over both roles. Any thread may call.
class ChildPool {
 public:
  explicit ChildPool(const MediaOptions& options);
  ~ChildPool();  // ends the idle children; none may be lent out

  // A child that waits for a request, started if need be. Errors as ChildProcess::Start and SetUp;
  // kDeadlineExceeded: all were busy until `deadline`.
  absl::StatusOr<std::unique_ptr<ChildProcess>> Take(Role role, absl::Time deadline);

  // Takes a child back; null in place of one that was no good.
  void Return(std::unique_ptr<ChildProcess> child);

 private:
  struct StartJob {
    absl::StatusOr<std::unique_ptr<ChildProcess>> result = absl::UnknownError("not started");
    bool done = false;
  };

  std::unique_ptr<ChildProcess> TakeIdle(Role role);
  absl::StatusOr<std::unique_ptr<ChildProcess>> StartChild(Role role, absl::Time deadline);
  absl::StatusOr<std::unique_ptr<ChildProcess>> StartProcess();
  void RunStarter();

  const MediaOptions options_;

  absl::Mutex mu_;
  int lent_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<StartJob*> start_jobs_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<ChildProcess>> idle_ ABSL_GUARDED_BY(mu_);

  // Children die with the thread that started them, and callers' threads come and go.
  std::thread starter_;
};

}  // namespace sightline::media
