#include "services/ingest/lease_keeper.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "ingest/failure.h"

namespace sightline::services {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(100);  // between two looks at `stop`
constexpr absl::Duration kProgress = absl::Seconds(1);     // between two tellings of progress

}  // namespace

LeaseKeeper::LeaseKeeper(WorkerClient& client, std::string lease, absl::Duration length,
                         const absl::Notification& stop)
    : client_(client),
      lease_(std::move(lease)),
      length_(length),
      stop_(stop),
      cancel_(std::make_shared<absl::Notification>()),
      thread_([this] { Run(); }) {}

LeaseKeeper::~LeaseKeeper() {
  done_.Notify();
  thread_.join();
}

void LeaseKeeper::Tell(const ingest::Progress& progress) {
  absl::MutexLock lock(&mu_);
  news_ = progress;
}

std::optional<ingest::Progress> LeaseKeeper::News() {
  absl::MutexLock lock(&mu_);
  return std::exchange(news_, std::nullopt);
}

void LeaseKeeper::Run() {
  absl::Time kept = absl::Now();  // the last sign of life that was heard
  absl::Time tried = kept;
  while (!done_.WaitForNotificationWithTimeout(std::min(kLook, length_ / 8))) {
    if (stop_.HasBeenNotified()) return cancel_->Notify();
    const absl::Time now = absl::Now();
    const bool due = now - tried >= length_ / 3;
    if (!due && now - tried < kProgress) continue;
    const auto news = News();
    if (!due && !news.has_value()) continue;
    tried = now;
    const absl::Status status = client_.Keep(lease_, news);
    if (status.ok()) kept = now;
    // After its length the lease is another worker's, whether or not that could be heard.
    const bool lost = !status.ok() && !ingest::IsTransient(status);
    if (lost || absl::Now() - kept >= length_) return cancel_->Notify();
  }
}

}  // namespace sightline::services
