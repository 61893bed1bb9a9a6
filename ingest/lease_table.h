#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "ingest/job_queue.h"
#include "ingest/job_runner.h"

namespace sightline::ingest {

// A job that a worker elsewhere holds. Its fields are used by one thread at a time: the one that
// took it out of the table.
struct LeasedJob {
  std::shared_ptr<RunningJob> running;
  std::string worker;  // who has it, for people
  Assignment assignment;
  std::unique_ptr<MemberFiler> filer;  // what became of its members so far
};

// Which leases there are and when they end. Knows no clock: the moment comes with each call, on one
// clock of any kind. Any thread.
class LeaseTable {
 public:
  explicit LeaseTable(absl::Duration length) : length_(length) {}

  struct Granted {
    std::string id;
    absl::Time expiry;
  };
  Granted Grant(std::shared_ptr<LeasedJob> job, absl::Time now);

  // Lengthens a lease; its new end. kAborted: it ended, or there was none.
  absl::StatusOr<absl::Time> Renew(const std::string& id, absl::Time now);

  // kAborted as Renew.
  absl::Status Check(const std::string& id, absl::Time now) const;

  // Takes a job out for a moment, after whoever has it: its lease does not end before Return, which
  // renews it. kAborted as Renew.
  absl::StatusOr<std::shared_ptr<LeasedJob>> Borrow(const std::string& id, absl::Time now);
  void Return(const std::string& id, absl::Time now);

  // Ends a lease, for good or to end its job. kAborted as Renew.
  absl::StatusOr<std::shared_ptr<LeasedJob>> Take(const std::string& id, absl::Time now);

  // What ended by itself: leases that were not renewed, and those whose job was told to end; once
  // closed, all.
  std::vector<std::shared_ptr<LeasedJob>> TakeEnded(absl::Time now);
  void Close();
  bool closed() const;

  // How a lease that was reported ended, for a worker that did not get the reply. The last ones
  // only.
  void Remember(const std::string& id, Outcome outcome);
  std::optional<Outcome> Ended(const std::string& id) const;

  int size() const;

 private:
  struct Entry {
    std::shared_ptr<LeasedJob> job;
    absl::Time expiry;
    bool borrowed = false;
  };
  using Entries = std::map<std::string, Entry>;

  absl::Status CheckLocked(const std::string& id, absl::Time now) const
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Entries::iterator> Find(const std::string& id, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AwaitReturned(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const absl::Duration length_;
  mutable absl::Mutex mu_;
  Entries entries_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  std::list<std::pair<std::string, Outcome>> ended_ ABSL_GUARDED_BY(mu_);  // the newest last
};

}  // namespace sightline::ingest
