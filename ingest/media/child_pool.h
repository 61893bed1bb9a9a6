#pragma once

#include <array>
#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "ingest/media/child_process.h"
#include "ingest/media/media_client.h"

namespace sightline::media {

// Who waits for a child, and until when.
struct Turn {
  absl::Time deadline;
  Caller caller = Caller::kQuery;
  int64_t number = 0;  // of ingest: the lowest goes first
};

// Hands out children, at most `workers` of a role at a time, so that no stage of ingest takes those
// of another, and one more where a query asks. Ingest gives way to queries. Any thread may call.
class ChildPool {
 public:
  explicit ChildPool(const MediaOptions& options);
  ~ChildPool();  // ends the idle children; none may be lent out

  // A child that waits for a request, started if need be. Errors as ChildProcess::Start and SetUp;
  // kDeadlineExceeded: all were busy until `deadline`.
  absl::StatusOr<std::unique_ptr<ChildProcess>> Take(Role role, const Turn& turn);

  // Takes a child back; null in place of one that was no good.
  void Return(Role role, std::unique_ptr<ChildProcess> child);

 private:
  static constexpr size_t kRoles = static_cast<size_t>(Role::kLast) + 1;

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
  // By role:
  std::array<int, kRoles> lent_ ABSL_GUARDED_BY(mu_) = {};
  std::array<int, kRoles> queries_waiting_ ABSL_GUARDED_BY(mu_) = {};
  std::array<std::multiset<int64_t>, kRoles> ingest_waiting_ ABSL_GUARDED_BY(mu_);  // numbers
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<StartJob*> start_jobs_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<ChildProcess>> idle_ ABSL_GUARDED_BY(mu_);

  // Children die with the thread that started them, and callers' threads come and go.
  std::thread starter_;
};

}  // namespace sightline::media
