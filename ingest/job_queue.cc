#include "ingest/job_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "ingest/failure.h"

namespace sightline::ingest {
namespace {

// Between two looks whether somebody still waits for a job.
constexpr absl::Duration kLookForCancel = absl::Milliseconds(100);

void End(RunningJob& running, RunningJob::End why) {
  if (running.end != RunningJob::End::kNone) return;
  running.end = why;
  running.cancel->Notify();
}

}  // namespace

absl::StatusOr<int64_t> JobQueue::Reserve() {
  absl::MutexLock lock(&mu_);
  if (draining_ || stopped_) {
    return WithReason(absl::UnavailableError("ingest takes no more documents: it is shutting down"),
                      "draining");
  }
  if (waiting_.size() + reserved_ >= capacity_) {
    return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                          "the ingest queue is full: ", capacity_, " documents wait already")),
                      "queue_full");
  }
  ++reserved_;
  return next_sequence_++;
}

void JobQueue::Release() {
  absl::MutexLock lock(&mu_);
  --reserved_;
}

void JobQueue::Push(QueuedJob job) {
  absl::MutexLock lock(&mu_);
  --reserved_;
  waiting_.emplace(job.options.sequence, std::move(job));
}

void JobQueue::Restore(QueuedJob job) {
  absl::MutexLock lock(&mu_);
  PutInOrder(std::move(job));
}

void JobQueue::PutInOrder(QueuedJob job) {
  // Two jobs share a number only where a stored one was copied in by hand; neither is lost.
  int64_t sequence = job.options.sequence;
  while (waiting_.contains(sequence)) ++sequence;
  next_sequence_ = std::max(next_sequence_, sequence + 1);
  waiting_.emplace(sequence, std::move(job));
}

bool JobQueue::HasUnfinished(const std::string& collection, const std::string& document_id) const {
  const DocumentScope scope = {collection, document_id};
  absl::MutexLock lock(&mu_);
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [&](const auto& entry) { return scope.Holds(entry.second.job); }) ||
         std::any_of(running_.begin(), running_.end(),
                     [&](const auto& running) { return scope.Holds(running->queued.job); });
}

bool JobQueue::IsFree(const index::Job& job) const {
  const DocumentScope document = {job.collection, job.document_id};
  return std::none_of(running_.begin(), running_.end(),
                      [&](const auto& running) { return document.Holds(running->queued.job); }) &&
         std::none_of(blocked_.begin(), blocked_.end(),
                      [&](const DocumentScope& scope) { return scope.Holds(job); });
}

JobQueue::Jobs::iterator JobQueue::NextFree(const JobFilter& filter) {
  if (draining_) return waiting_.end();
  return std::find_if(waiting_.begin(), waiting_.end(),
                      [&](const auto& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
                        return IsFree(entry.second.job) && (!filter || filter(entry.second));
                      });
}

std::shared_ptr<RunningJob> JobQueue::Begin(Jobs::iterator job) {
  auto running = std::make_shared<RunningJob>();
  running->queued = std::move(job->second);
  running->cancel = std::make_shared<absl::Notification>();
  waiting_.erase(job);
  running_.push_back(running);
  return running;
}

std::shared_ptr<RunningJob> JobQueue::Take(const JobFilter& filter) {
  absl::MutexLock lock(&mu_);
  const auto ready = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopped_ || NextFree(filter) != waiting_.end();
  };
  mu_.Await(absl::Condition(&ready));
  return stopped_ ? nullptr : Begin(NextFree(filter));
}

std::shared_ptr<RunningJob> JobQueue::TakeForLease(const JobFilter& filter, absl::Time deadline,
                                                   const model::CancelFlag& cancel) {
  absl::MutexLock lock(&mu_);
  const auto ready = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopped_ || draining_ || leases_closed_ || NextFree(filter) != waiting_.end();
  };
  // Nothing wakes a mutex when a client goes away, so that is asked for now and then.
  while (!mu_.AwaitWithDeadline(absl::Condition(&ready),
                                std::min(deadline, absl::Now() + kLookForCancel))) {
    if (absl::Now() >= deadline || (cancel != nullptr && cancel->HasBeenNotified())) {
      return nullptr;
    }
  }
  if (stopped_ || draining_ || leases_closed_) return nullptr;
  return Begin(NextFree(filter));
}

void JobQueue::CloseLeases() {
  absl::MutexLock lock(&mu_);
  leases_closed_ = true;
}

bool JobQueue::GiveBack(const std::shared_ptr<RunningJob>& running, index::Job job,
                        int lost_leases) {
  absl::MutexLock lock(&mu_);
  if (running->end != RunningJob::End::kNone) return false;
  running_.remove(running);
  QueuedJob again = running->queued;
  again.job = std::move(job);
  again.lost_leases = lost_leases;
  PutInOrder(std::move(again));
  return true;
}

void JobQueue::Finish(const std::shared_ptr<RunningJob>& running) {
  absl::MutexLock lock(&mu_);
  running_.remove(running);
}

RunningJob::End JobQueue::EndOf(const RunningJob& running) const {
  absl::MutexLock lock(&mu_);
  return running.end;
}

bool JobQueue::BeginStore(RunningJob& running) {
  absl::MutexLock lock(&mu_);
  if (running.end != RunningJob::End::kNone) return false;
  running.storing = true;
  return true;
}

void JobQueue::EndStore(RunningJob& running, bool settled) {
  absl::MutexLock lock(&mu_);
  running.storing = false;
  running.settled = settled;
}

JobQueue::Withdrawn JobQueue::Block(const DocumentScope& scope) {
  absl::MutexLock lock(&mu_);
  blocked_.push_back(scope);
  Withdrawn out;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (scope.Holds(it->second.job)) {
      out.waiting.push_back(std::move(it->second));
      it = waiting_.erase(it);
    } else {
      ++it;
    }
  }
  const auto quiet = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return std::none_of(running_.begin(), running_.end(), [&](const auto& running) {
      return running->storing && scope.Holds(running->queued.job);
    });
  };
  mu_.Await(absl::Condition(&quiet));
  for (const auto& running : running_) {
    if (running->settled || !scope.Holds(running->queued.job)) continue;
    End(*running, RunningJob::End::kDeleted);
    out.running.push_back(running->queued.job);
  }
  return out;
}

void JobQueue::Unblock(const DocumentScope& scope) {
  absl::MutexLock lock(&mu_);
  const auto same = [&](const DocumentScope& other) {
    return other.collection == scope.collection && other.document_id == scope.document_id;
  };
  blocked_.erase(std::find_if(blocked_.begin(), blocked_.end(), same));
}

void JobQueue::Drain(absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  draining_ = true;
  const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return running_.empty(); };
  mu_.AwaitWithDeadline(absl::Condition(&idle), deadline);
}

void JobQueue::Stop() {
  absl::MutexLock lock(&mu_);
  stopped_ = true;
  for (const auto& running : running_) End(*running, RunningJob::End::kStopped);
}

int JobQueue::waiting() const {
  absl::MutexLock lock(&mu_);
  return static_cast<int>(waiting_.size());
}

int JobQueue::running() const {
  absl::MutexLock lock(&mu_);
  return static_cast<int>(running_.size());
}

}  // namespace sightline::ingest
