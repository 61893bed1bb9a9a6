#include "ingest/remote_jobs.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "ingest/failure.h"

namespace sightline::ingest {
namespace {

constexpr int kMostRepeats = 1'000'000;

absl::Status WorkerLost(const std::string& worker) {
  return WithReason(
      absl::AbortedError(absl::StrCat("the worker ", worker, " was not heard of again")),
      "worker_lost");
}

}  // namespace

absl::StatusOr<Lease> RemoteJobs::Take(const RemoteWorker& worker, absl::Time deadline,
                                       const model::CancelFlag& cancel) {
  const JobFilter can_do = [&](const QueuedJob& queued) {
    if (queued.unchanged.has_value()) return true;
    // The vectors of patches do not travel.
    const auto collection = parts_.corpus.GetCollection(queued.job.collection);
    if (collection.ok() && collection->patches != index::PatchCodes::kNone) return false;
    return queued.options.enrichment.empty() || worker.generator == parts_.generator;
  };
  while (const auto running = parts_.queue.TakeForLease(can_do, deadline, cancel)) {
    auto leased = std::make_shared<LeasedJob>();
    leased->running = running;
    leased->worker = worker.name;
    leased->assignment = parts_.runner.Begin(*running);
    if (leased->assignment.file == nullptr) {
      End(*leased, {});
      continue;
    }
    leased->filer =
        std::make_unique<MemberFiler>(parts_.runner.FilerOf(*running, leased->assignment));
    Lease lease;
    lease.job = running->queued.job;
    lease.task = leased->assignment.task;
    lease.file = leased->assignment.file;
    LeaseTable::Granted granted = leases_.Grant(std::move(leased), parts_.options.now());
    lease.id = std::move(granted.id);
    lease.expiry = granted.expiry;
    return lease;
  }
  if (cancel != nullptr && cancel->HasBeenNotified()) return absl::CancelledError("not wanted");
  if (absl::Now() >= deadline) return absl::DeadlineExceededError("no job came");
  return WithReason(absl::UnavailableError("no more jobs are given away: the server stops"),
                    "draining");
}

absl::StatusOr<absl::Time> RemoteJobs::Renew(const std::string& id,
                                             const std::optional<Progress>& progress) {
  if (!progress.has_value()) return leases_.Renew(id, parts_.options.now());
  // While it is borrowed the job cannot end, and no progress is told after that.
  SL_ASSIGN_OR_RETURN(const auto leased, leases_.Borrow(id, parts_.options.now()));
  const IngestCallbacks& callbacks = leased->running->queued.callbacks;
  if (callbacks.on_progress) callbacks.on_progress(*progress);
  const absl::Time now = parts_.options.now();
  leases_.Return(id, now);
  return now + parts_.options.lease;
}

absl::Status RemoteJobs::Check(const std::string& id) const {
  absl::Status held = leases_.Check(id, parts_.options.now());
  return held.ok() || leases_.Ended(id).has_value() ? absl::OkStatus() : held;
}

absl::StatusOr<bool> RemoteJobs::HoldsMember(const std::string& id, const RemoteMember& member) {
  SL_ASSIGN_OR_RETURN(const auto leased, leases_.Borrow(id, parts_.options.now()));
  absl::Cleanup back = [&] { leases_.Return(id, parts_.options.now()); };
  const auto document = RemoteMemberDocument(leased->assignment.task.document, member);
  if (document.ok()) return leased->filer->Holds(member.path, *document);
  std::move(back).Invoke();
  return Refuse(id, document.status());
}

absl::StatusOr<MemberEnd> RemoteJobs::PutMember(const std::string& id, const RemoteMember& member,
                                                absl::StatusOr<index::DocumentWrite> write) {
  SL_ASSIGN_OR_RETURN(const auto leased, leases_.Borrow(id, parts_.options.now()));
  absl::Cleanup back = [&] { leases_.Return(id, parts_.options.now()); };
  auto document = RemoteMemberDocument(leased->assignment.task.document, member);
  absl::Status fault = document.status();
  if (fault.ok() && write.ok()) {
    write = AdoptWrite(*document, *std::move(write), leased->assignment.task.dimension,
                       parts_.options, parts_.limits);
    fault = write.status();
  }
  if (fault.ok()) return MemberEnd{leased->filer->Put(member.path, *document, std::move(write))};
  std::move(back).Invoke();
  return Refuse(id, fault);
}

absl::StatusOr<Outcome> RemoteJobs::Finish(const std::string& id, Reading reading) {
  if (const auto outcome = leases_.Ended(id)) return *outcome;
  SL_ASSIGN_OR_RETURN(const auto leased, leases_.Take(id, parts_.options.now()));
  if (reading.write.ok()) {
    reading.write = AdoptWrite(leased->assignment.task.document, *std::move(reading.write),
                               leased->assignment.task.dimension, parts_.options, parts_.limits);
    if (!reading.write.ok()) {
      const absl::Status fault = reading.write.status();
      CountLoss(
          *leased,
          WithReason(absl::InternalError(absl::StrCat("the worker ", leased->worker,
                                                      " sent what cannot be: ", fault.message())),
                     "bad_result"));
      return fault;
    }
  }
  reading.repeats = std::clamp(reading.repeats, 0, kMostRepeats);
  reading.is_complete = reading.is_complete && leased->filer->is_complete();
  const auto result = End(*leased, std::move(reading));
  if (!result.has_value()) return absl::UnavailableError("the server stops");
  leases_.Remember(id, result->outcome);
  return result->outcome;
}

absl::Status RemoteJobs::Refuse(const std::string& id, const absl::Status& why) {
  const auto leased = leases_.Take(id, parts_.options.now());
  if (leased.ok()) {
    CountLoss(**leased,
              WithReason(absl::InternalError(absl::StrCat("the worker ", (*leased)->worker,
                                                          " sent what cannot be: ", why.message())),
                         "bad_result"));
  }
  return why;
}

absl::Status RemoteJobs::Release(const std::string& id) {
  SL_ASSIGN_OR_RETURN(const auto leased, leases_.Take(id, parts_.options.now()));
  GiveBack(*leased, leased->running->queued.lost_leases);
  return absl::OkStatus();
}

void RemoteJobs::Sweep() {
  for (const auto& leased : leases_.TakeEnded(parts_.options.now())) {
    if (leased->running->cancel->HasBeenNotified()) {
      End(*leased, {});
    } else if (leases_.closed()) {
      GiveBack(*leased, leased->running->queued.lost_leases);
    } else {
      CountLoss(*leased, WorkerLost(leased->worker));
    }
  }
}

void RemoteJobs::Close() {
  parts_.queue.CloseLeases();
  leases_.Close();
}

void RemoteJobs::CountLoss(LeasedJob& leased, const absl::Status& why) {
  const int lost = leased.running->queued.lost_leases + 1;
  log::Warning("a leased job came to nothing",
               {{"job", leased.running->queued.job.id}, {"times", lost}, {"why", why.message()}});
  if (lost < parts_.options.max_attempts) return GiveBack(leased, lost);
  Reading reading;
  reading.write = why;
  End(leased, std::move(reading));
}

void RemoteJobs::GiveBack(LeasedJob& leased, int lost_leases) {
  RunningJob& running = *leased.running;
  index::Job job = running.queued.job;
  job.attempts += lost_leases - running.queued.lost_leases;
  job.state = index::JobState::kQueued;
  job.updated = absl::Now();
  if (parts_.queue.BeginStore(running)) {
    const absl::Status stored = parts_.corpus.PutJob(job);
    parts_.queue.EndStore(running, /*settled=*/false);
    // It says "running" still, and is begun again all the same.
    if (!stored.ok()) log::Error("a job could not be stored", {{"error", stored.ToString()}});
  }
  // Told to end meanwhile: then it ends.
  if (!parts_.queue.GiveBack(leased.running, std::move(job), lost_leases)) End(leased, {});
}

std::optional<IngestResult> RemoteJobs::End(LeasedJob& leased, Reading reading) {
  auto result =
      parts_.runner.End(*leased.running, std::move(leased.assignment), std::move(reading));
  if (result.has_value()) parts_.tell(leased.running->queued, *result);
  parts_.queue.Finish(leased.running);
  return result;
}

}  // namespace sightline::ingest
