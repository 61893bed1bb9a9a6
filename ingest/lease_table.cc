#include "ingest/lease_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "ingest/failure.h"

namespace sightline::ingest {
namespace {

constexpr size_t kRemembered = 1024;

absl::Status Lost() {
  return WithReason(
      absl::AbortedError("there is no such lease (any more): it ran out, its document "
                         "was deleted, or the server was started anew"),
      "lease_lost");
}

}  // namespace

LeaseTable::Granted LeaseTable::Grant(std::shared_ptr<LeasedJob> job, absl::Time now) {
  Granted out = {.id = RandomId(), .expiry = now + length_};
  absl::MutexLock lock(&mu_);
  entries_[out.id] = {.job = std::move(job), .expiry = out.expiry};
  return out;
}

absl::Status LeaseTable::CheckLocked(const std::string& id, absl::Time now) const {
  const auto entry = entries_.find(id);
  // One that ran out is lost from that moment on, whenever it is swept up.
  if (entry == entries_.end() || (!entry->second.borrowed && now >= entry->second.expiry) ||
      entry->second.job->running->cancel->HasBeenNotified()) {
    return Lost();
  }
  return absl::OkStatus();
}

absl::StatusOr<LeaseTable::Entries::iterator> LeaseTable::Find(const std::string& id,
                                                               absl::Time now) {
  SL_RETURN_IF_ERROR(CheckLocked(id, now));
  return entries_.find(id);
}

absl::Status LeaseTable::Check(const std::string& id, absl::Time now) const {
  absl::MutexLock lock(&mu_);
  return CheckLocked(id, now);
}

absl::StatusOr<absl::Time> LeaseTable::Renew(const std::string& id, absl::Time now) {
  absl::MutexLock lock(&mu_);
  SL_ASSIGN_OR_RETURN(const auto entry, Find(id, now));
  return entry->second.expiry = now + length_;
}

absl::StatusOr<std::shared_ptr<LeasedJob>> LeaseTable::Borrow(const std::string& id,
                                                              absl::Time now) {
  absl::MutexLock lock(&mu_);
  AwaitReturned(id);
  SL_ASSIGN_OR_RETURN(const auto entry, Find(id, now));
  entry->second.borrowed = true;
  return entry->second.job;
}

void LeaseTable::Return(const std::string& id, absl::Time now) {
  absl::MutexLock lock(&mu_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return;
  entry->second.borrowed = false;
  entry->second.expiry = now + length_;
}

absl::StatusOr<std::shared_ptr<LeasedJob>> LeaseTable::Take(const std::string& id, absl::Time now) {
  absl::MutexLock lock(&mu_);
  AwaitReturned(id);
  SL_ASSIGN_OR_RETURN(const auto entry, Find(id, now));
  std::shared_ptr<LeasedJob> job = std::move(entry->second.job);
  entries_.erase(entry);
  return job;
}

void LeaseTable::AwaitReturned(const std::string& id) {
  const auto returned = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto entry = entries_.find(id);
    return entry == entries_.end() || !entry->second.borrowed;
  };
  mu_.Await(absl::Condition(&returned));
}

std::vector<std::shared_ptr<LeasedJob>> LeaseTable::TakeEnded(absl::Time now) {
  std::vector<std::shared_ptr<LeasedJob>> out;
  absl::MutexLock lock(&mu_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    const bool over =
        closed_ || now >= entry.expiry || entry.job->running->cancel->HasBeenNotified();
    if (entry.borrowed || !over) {
      ++it;
      continue;
    }
    out.push_back(std::move(entry.job));
    it = entries_.erase(it);
  }
  return out;
}

void LeaseTable::Close() {
  absl::MutexLock lock(&mu_);
  closed_ = true;
}

bool LeaseTable::closed() const {
  absl::MutexLock lock(&mu_);
  return closed_;
}

void LeaseTable::Remember(const std::string& id, Outcome outcome) {
  absl::MutexLock lock(&mu_);
  ended_.emplace_back(id, outcome);
  if (ended_.size() > kRemembered) ended_.pop_front();
}

std::optional<Outcome> LeaseTable::Ended(const std::string& id) const {
  absl::MutexLock lock(&mu_);
  const auto found = std::find_if(ended_.begin(), ended_.end(),
                                  [&](const auto& ended) { return ended.first == id; });
  if (found == ended_.end()) return std::nullopt;
  return found->second;
}

int LeaseTable::size() const {
  absl::MutexLock lock(&mu_);
  return static_cast<int>(entries_.size());
}

}  // namespace sightline::ingest
