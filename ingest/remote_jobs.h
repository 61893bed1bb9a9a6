#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "ingest/document_reader.h"
#include "ingest/ingestor.h"
#include "ingest/job_queue.h"
#include "ingest/job_runner.h"
#include "ingest/lease_table.h"
#include "ingest/remote_write.h"
#include "model/call.h"

namespace sightline::ingest {

// A worker that asks for a job.
struct RemoteWorker {
  std::string name;       // for people
  std::string generator;  // fingerprint of the one it can enrich with; empty = none
};

// A job for it to read.
struct Lease {
  std::string id;
  absl::Time expiry;
  index::Job job;
  ReadTask task;
  std::shared_ptr<const MappedFile> file;
};

// How a member ended, as the document around it tells it.
struct MemberEnd {
  absl::Status status;
};

// Jobs whose documents are read by workers elsewhere. A job belongs to one lease at a time; a lease
// that is not renewed ends, and its job goes back to its place in the queue. What is read is stored
// by the same code as that of workers here. Any thread.
//
// kAborted, "lease_lost", from everything that names a lease: it ran out, its document was deleted,
// or it is another server's.
class RemoteJobs {
 public:
  struct Parts {
    const IngestOptions& options;
    JobQueue& queue;
    JobRunner& runner;
    index::Corpus& corpus;
    const media::MediaLimits& limits;
    std::string generator;  // the server's, as RemoteWorker; jobs that need one need this one
    std::function<void(const QueuedJob&, const IngestResult&)> tell;  // of an ended job
  };
  explicit RemoteJobs(Parts parts) : parts_(std::move(parts)), leases_(parts_.options.lease) {}

  // Takes the oldest job that the worker can do, waiting for one. kDeadlineExceeded; kCancelled;
  // kUnavailable: the server stops.
  absl::StatusOr<Lease> Take(const RemoteWorker& worker, absl::Time deadline,
                             const model::CancelFlag& cancel);

  // A sign of life; the lease's new end. Progress, where there is some, is told as a local job's.
  absl::StatusOr<absl::Time> Renew(const std::string& id, const std::optional<Progress>& progress);

  // OK while the lease is held, or when it ended with a report.
  absl::Status Check(const std::string& id) const;

  // As MemberSink. kInvalidArgument ends the lease, as Finish.
  absl::StatusOr<bool> HoldsMember(const std::string& id, const RemoteMember& member);
  absl::StatusOr<MemberEnd> PutMember(const std::string& id, const RemoteMember& member,
                                      absl::StatusOr<index::DocumentWrite> write);

  // Commits what was read, and ends the lease; the same again when it was committed before.
  // kInvalidArgument: it is not what a reader makes (see AdoptWrite); the job then is another
  // worker's, or has failed.
  absl::StatusOr<Outcome> Finish(const std::string& id, Reading reading);

  // Ends the lease of a worker whose report is no report; returns `why`.
  absl::Status Refuse(const std::string& id, const absl::Status& why);

  // Gives the job back unread. That counts as no attempt.
  absl::Status Release(const std::string& id);

  // Ends the leases that ran out or whose job was told to end. Called now and then.
  void Sweep();

  // No further lease; those that are there end with the next Sweep.
  void Close();

 private:
  // Back to the queue; failed for `why` when that happened too often.
  void CountLoss(LeasedJob& leased, const absl::Status& why);
  void GiveBack(LeasedJob& leased, int lost_leases);
  std::optional<IngestResult> End(LeasedJob& leased, Reading reading);

  Parts parts_;
  LeaseTable leases_;
};

}  // namespace sightline::ingest
