#include "services/ingest/status_outbox.h"

#include <utility>

namespace sightline::services {

void StatusOutbox::Open() {
  absl::MutexLock lock(&mu_);
  ++open_;
}

bool StatusOutbox::AwaitFewerThan(int limit, absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  const auto ready = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return closed_ || open_ < limit; };
  return mu_.AwaitWithDeadline(absl::Condition(&ready), deadline);
}

void StatusOutbox::Put(v1::IngestStatus status) {
  absl::MutexLock lock(&mu_);
  if (closed_) return;
  if (status.has_progress()) {
    progress_[status.tag()] = std::move(status);
    return;
  }
  if (status.has_finished()) progress_.erase(status.tag());
  events_.push_back(std::move(status));
}

std::optional<v1::IngestStatus> StatusOutbox::Take() {
  absl::MutexLock lock(&mu_);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closed_ || !events_.empty() || !progress_.empty() || (end_of_input_ && open_ == 0);
  };
  mu_.Await(absl::Condition(&ready));
  if (closed_) return std::nullopt;
  if (!events_.empty()) {
    v1::IngestStatus status = std::move(events_.front());
    events_.pop_front();
    return status;
  }
  if (progress_.empty()) return std::nullopt;
  return std::move(progress_.extract(progress_.begin()).mapped());
}

void StatusOutbox::Written(const v1::IngestStatus& status) {
  absl::MutexLock lock(&mu_);
  if (status.has_finished()) --open_;
}

void StatusOutbox::EndOfInput() {
  absl::MutexLock lock(&mu_);
  end_of_input_ = true;
}

void StatusOutbox::Close() {
  absl::MutexLock lock(&mu_);
  closed_ = true;
  events_.clear();
  progress_.clear();
}

bool StatusOutbox::closed() const {
  absl::MutexLock lock(&mu_);
  return closed_;
}

}  // namespace sightline::services
