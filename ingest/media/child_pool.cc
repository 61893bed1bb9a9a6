#include "ingest/media/child_pool.h"

#include <algorithm>

#include "base/status.h"

namespace sightline::media {
namespace {

// A decoder that leaks, or that a file has changed without killing it, does not serve forever.
constexpr int kMaxRequestsPerChild = 500;
constexpr absl::Duration kStartTimeout = absl::Seconds(20);

}  // namespace

ChildPool::ChildPool(const MediaOptions& options)
    : options_(options), starter_([this] { RunStarter(); }) {}

ChildPool::~ChildPool() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    idle_.clear();
  }
  starter_.join();
}

void ChildPool::RunStarter() {
  const auto woken = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopping_ || !start_jobs_.empty();
  };
  absl::MutexLock lock(&mu_);
  while (true) {
    mu_.Await(absl::Condition(&woken));
    if (start_jobs_.empty()) return;
    StartJob* const job = start_jobs_.front();
    start_jobs_.pop_front();
    mu_.Unlock();
    auto result = ChildProcess::Start(options_.program, options_.debug_log);
    mu_.Lock();
    job->result = std::move(result);
    job->done = true;
  }
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildPool::StartProcess() {
  StartJob job;
  absl::MutexLock lock(&mu_);
  start_jobs_.push_back(&job);
  mu_.Await(absl::Condition(&job.done));
  return std::move(job.result);
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildPool::StartChild(Role role,
                                                                    absl::Time deadline) {
  SL_ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> child, StartProcess());
  Setup setup;
  setup.role = role;
  setup.memory_bytes = options_.worker_memory_bytes;
  setup.limits = options_.limits;
  setup.apply_icc = options_.apply_icc;
  setup.debug_log = options_.debug_log;
  if (role == Role::kReader) setup.ocr_languages = options_.ocr_languages;
  SL_RETURN_IF_ERROR(child->SetUp(setup, std::min(deadline, absl::Now() + kStartTimeout)));
  return child;
}

std::unique_ptr<ChildProcess> ChildPool::TakeIdle(Role role) {
  std::vector<std::unique_ptr<ChildProcess>> dead;  // reaped after the lock is released
  absl::MutexLock lock(&mu_);
  while (true) {
    const auto it = std::find_if(idle_.begin(), idle_.end(),
                                 [role](const auto& child) { return child->role() == role; });
    if (it == idle_.end()) return nullptr;
    std::unique_ptr<ChildProcess> child = std::move(*it);
    idle_.erase(it);
    if (child->IsReady()) return child;
    dead.push_back(std::move(child));
  }
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildPool::Take(Role role, const Turn& turn) {
  {
    absl::MutexLock lock(&mu_);
    const auto of = static_cast<size_t>(role);
    const bool is_query = turn.caller == Caller::kQuery;
    const auto free = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      if (is_query) return lent_[of] <= options_.workers;
      return lent_[of] < options_.workers && queries_waiting_[of] == 0 &&
             *ingest_waiting_[of].begin() == turn.number;
    };
    if (is_query) {
      ++queries_waiting_[of];
    } else {
      ingest_waiting_[of].insert(turn.number);
    }
    const bool in_time = mu_.AwaitWithDeadline(absl::Condition(&free), turn.deadline);
    if (is_query) {
      --queries_waiting_[of];
    } else {
      ingest_waiting_[of].erase(ingest_waiting_[of].find(turn.number));
    }
    if (!in_time) return absl::DeadlineExceededError("no decoder was free in time");
    ++lent_[of];
  }
  if (std::unique_ptr<ChildProcess> child = TakeIdle(role)) return child;
  auto child = StartChild(role, turn.deadline);
  if (!child.ok()) Return(role, nullptr);
  return child;
}

void ChildPool::Return(Role role, std::unique_ptr<ChildProcess> child) {
  if (child != nullptr && child->requests() >= kMaxRequestsPerChild) child.reset();
  absl::MutexLock lock(&mu_);
  --lent_[static_cast<size_t>(role)];
  if (child != nullptr) idle_.push_back(std::move(child));
}

}  // namespace sightline::media
