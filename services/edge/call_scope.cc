#include "services/edge/call_scope.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/edge/grpc_status.h"
#include "services/edge/local_context.h"

namespace sightline::edge {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(5);
constexpr absl::Duration kQuiet = absl::Milliseconds(200);  // without a call; then it sleeps

absl::Time DeadlineOf(const grpc::ServerContext& context) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return absl::InfiniteFuture();
  return absl::FromChrono(deadline);
}

}  // namespace

void NoteMakeshift(const CallLimits& limits) {
  if (limits.makeshift != nullptr) *limits.makeshift = true;
}

absl::Status StillWanted(const CallLimits& limits, absl::string_view stage) {
  // The clock first: gRPC cancels a call whose deadline has passed, and the deadline is the cause.
  if (absl::Now() >= limits.deadline) {
    return absl::DeadlineExceededError(absl::StrCat("deadline passed before ", stage));
  }
  if (limits.cancel != nullptr && limits.cancel->HasBeenNotified()) {
    return absl::CancelledError(absl::StrCat("cancelled before ", stage));
  }
  return absl::OkStatus();
}

CancelWatcher::CancelWatcher() : thread_([this] { Run(); }) {}

CancelWatcher::~CancelWatcher() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void CancelWatcher::Add(grpc::ServerContext* context, std::shared_ptr<absl::Notification> cancel) {
  absl::MutexLock lock(&mu_);
  entries_.push_back({context, std::move(cancel)});
  ++added_;
}

void CancelWatcher::Remove(grpc::ServerContext* context) {
  absl::MutexLock lock(&mu_);
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.context == context; });
  if (found == entries_.end()) return;  // already cancelled
  std::swap(*found, entries_.back());
  entries_.pop_back();
}

void CancelWatcher::Run() {
  absl::MutexLock lock(&mu_);
  const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopping_ || !entries_.empty();
  };
  const auto stop = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return stopping_; };
  absl::Time quiet_since = absl::Now();
  int64_t seen = 0;
  while (!stopping_) {
    if (!entries_.empty() || added_ != seen) quiet_since = absl::Now();
    seen = added_;
    // To sleep until there is work costs the call that brings it the waking of this thread, so not
    // between one call and the next.
    if (absl::Now() - quiet_since > kQuiet) mu_.Await(absl::Condition(&has_work));
    for (size_t i = 0; i < entries_.size();) {
      // The lock is held so that no context goes away while it is asked; asking does not block.
      if (entries_[i].context->IsCancelled()) {
        entries_[i].cancel->Notify();
        std::swap(entries_[i], entries_.back());
        entries_.pop_back();
      } else {
        ++i;
      }
    }
    mu_.AwaitWithTimeout(absl::Condition(&stop), kPollInterval);
  }
}

CallScope::CallScope(CancelWatcher& watcher, grpc::ServerContext& context)
    : watcher_(dynamic_cast<LocalContext*>(&context) == nullptr ? &watcher : nullptr),
      context_(context) {
  if (watcher_ == nullptr) {
    const auto& local = static_cast<const LocalContext&>(context);
    limits_.deadline = local.deadline();
    limits_.cancel = local.cancel();
    return;
  }
  limits_.deadline = DeadlineOf(context);
  limits_.cancel = std::make_shared<absl::Notification>();
  watcher_->Add(&context_, limits_.cancel);
}

CallScope::~CallScope() {
  if (watcher_ != nullptr) watcher_->Remove(&context_);
}

grpc::Status CallScope::Finish(const absl::Status& status) const {
  if (absl::IsCancelled(status) && absl::Now() >= limits_.deadline) {
    return ToGrpcStatus(absl::DeadlineExceededError(status.message()));
  }
  return ToGrpcStatus(status);
}

}  // namespace sightline::edge
