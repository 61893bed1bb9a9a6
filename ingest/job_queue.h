#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "index/types.h"
#include "ingest/ingestor.h"
#include "ingest/job_options.h"
#include "model/call.h"

namespace sightline::ingest {

// Some documents: one, or with an empty id all of a collection.
struct DocumentScope {
  std::string collection;
  std::string document_id;

  bool Holds(const index::Job& job) const {
    return job.collection == collection && (document_id.empty() || job.document_id == document_id);
  }
};

struct QueuedJob {
  index::Job job;
  JobOptions options;
  std::string password = {};
  IngestCallbacks callbacks = {};
  // Set when the job is stored as done already, because this document equals it: only that is left
  // to tell.
  std::optional<index::Document> unchanged = {};
  int lost_leases = 0;  // of workers elsewhere that took it and were not heard of again
};

// Whether a worker can do a job. Called with the queue's lock held.
using JobFilter = std::function<bool(const QueuedJob&)>;

// A job that a worker holds.
struct RunningJob {
  enum class End { kNone, kStopped, kDeleted };

  QueuedJob queued;          // not changed while it runs
  model::CancelFlag cancel;  // notified when `end` is set
  // Guarded by the queue's mutex:
  End end = End::kNone;
  bool storing = false;
  bool settled = false;  // its end is stored
};

// Jobs in the order of their submission, handed to workers so that no two of one document run at
// once. Every method may be called from any thread.
class JobQueue {
 public:
  explicit JobQueue(int capacity) : capacity_(static_cast<size_t>(capacity)) {}

  // A place for a job that is about to be stored, so that the bound holds before work is done; its
  // sequence number. kResourceExhausted: full; kUnavailable: draining. Followed by Push or by
  // Release.
  absl::StatusOr<int64_t> Reserve();
  void Release();
  void Push(QueuedJob job);

  // Adds a job of an earlier run, whatever the bound. Later sequence numbers are above its own.
  void Restore(QueuedJob job);

  // True when a job of the document waits or runs.
  bool HasUnfinished(const std::string& collection, const std::string& document_id) const;

  // The oldest job whose document is free and that passes `filter` (null = any), waiting for one;
  // null when stopped.
  std::shared_ptr<RunningJob> Take(const JobFilter& filter = nullptr);
  // The same for a worker elsewhere. Null when `deadline` passes, `cancel` (may be null) is
  // notified, or no more jobs are given away: CloseLeases, Drain or Stop.
  std::shared_ptr<RunningJob> TakeForLease(const JobFilter& filter, absl::Time deadline,
                                           const model::CancelFlag& cancel);
  void CloseLeases();

  // Puts what Take gave back in its place in the order, as `job`; false, and nothing is done, when
  // it was told to end meanwhile.
  bool GiveBack(const std::shared_ptr<RunningJob>& running, index::Job job, int lost_leases);

  // Ends what Take began.
  void Finish(const std::shared_ptr<RunningJob>& running);

  // How `running` was told to end.
  RunningJob::End EndOf(const RunningJob& running) const;

  // Around every write to the store that a worker makes for its job. False when the job was told to
  // end: nothing may be stored then. `settled`: the job's end is stored.
  bool BeginStore(RunningJob& running);
  void EndStore(RunningJob& running, bool settled);

  struct Withdrawn {
    std::vector<QueuedJob> waiting;   // out of the queue
    std::vector<index::Job> running;  // told to end
  };
  // Takes the jobs of `scope` out, tells running ones to end, waits until none of them commits, and
  // starts none until Unblock.
  Withdrawn Block(const DocumentScope& scope);
  void Unblock(const DocumentScope& scope);

  // No further Reserve or Take succeeds; waits for running jobs until `deadline`.
  void Drain(absl::Time deadline);
  // Tells running jobs to end, makes Take return null.
  void Stop();

  int waiting() const;
  int running() const;

 private:
  using Jobs = std::map<int64_t, QueuedJob>;

  Jobs::iterator NextFree(const JobFilter& filter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::shared_ptr<RunningJob> Begin(Jobs::iterator job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PutInOrder(QueuedJob job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsFree(const index::Job& job) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t capacity_;
  mutable absl::Mutex mu_;
  Jobs waiting_ ABSL_GUARDED_BY(mu_);
  size_t reserved_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t next_sequence_ ABSL_GUARDED_BY(mu_) = 1;
  std::list<std::shared_ptr<RunningJob>> running_ ABSL_GUARDED_BY(mu_);
  std::list<DocumentScope> blocked_ ABSL_GUARDED_BY(mu_);
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool leases_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace sightline::ingest
