#include "services/gateway/active_requests.h"

#include <poll.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace sightline::gateway {

ActiveRequests::Place::~Place() {
  std::shared_ptr<Exchange> exchange;  // let go after the lock
  absl::MutexLock lock(&owner_.mu_);
  const auto found = owner_.entries_.find(key_);
  owner_.uploads_ -= found->second.is_upload ? 1 : 0;
  exchange = std::move(found->second.exchange);
  owner_.entries_.erase(found);
}

void ActiveRequests::Place::Attach(std::shared_ptr<Exchange> exchange) {
  absl::MutexLock lock(&owner_.mu_);
  owner_.entries_[key_].exchange = std::move(exchange);
}

std::shared_ptr<Exchange> ActiveRequests::Place::exchange() const {
  absl::MutexLock lock(&owner_.mu_);
  return owner_.entries_.at(key_).exchange;
}

std::unique_ptr<ActiveRequests::Place> ActiveRequests::Enter(int socket, bool is_upload) {
  absl::MutexLock lock(&mu_);
  if (static_cast<int>(entries_.size()) >= capacity_) return nullptr;
  if (is_upload && uploads_ >= std::max(1, capacity_ / 2)) return nullptr;
  uploads_ += is_upload ? 1 : 0;
  const int64_t key = next_key_++;
  entries_[key] = Entry{socket, is_upload, nullptr};
  return std::unique_ptr<Place>(new Place(*this, key));
}

void ActiveRequests::Watch(absl::Time now) {
  std::vector<std::shared_ptr<Exchange>> gone;
  std::vector<std::shared_ptr<Exchange>> waiting;
  {
    // Under the lock no socket is closed, so no descriptor can belong to another connection.
    absl::MutexLock lock(&mu_);
    std::vector<pollfd> polls;
    std::vector<std::shared_ptr<Exchange>> exchanges;
    for (const auto& [key, entry] : entries_) {
      if (entry.exchange == nullptr) continue;
      polls.push_back({entry.socket, POLLRDHUP, 0});
      exchanges.push_back(entry.exchange);
    }
    if (polls.empty()) return;
    if (poll(polls.data(), polls.size(), 0) < 0) return;  // the next call tries again
    for (size_t i = 0; i < polls.size(); ++i) {
      (polls[i].revents != 0 ? gone : waiting).push_back(std::move(exchanges[i]));
    }
  }
  for (const auto& exchange : gone) {
    exchange->Cancel(absl::CancelledError("the client closed the connection"));
  }
  for (const auto& exchange : waiting) exchange->Tick(now);
}

void ActiveRequests::CancelAll(const absl::Status& why) {
  std::vector<std::shared_ptr<Exchange>> all;
  {
    absl::MutexLock lock(&mu_);
    for (const auto& [key, entry] : entries_) {
      if (entry.exchange != nullptr) all.push_back(entry.exchange);
    }
  }
  for (const auto& exchange : all) exchange->Cancel(why);
}

}  // namespace sightline::gateway
