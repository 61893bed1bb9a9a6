#include "ingest/held_bytes.h"

#include "absl/time/time.h"

namespace sightline::ingest {
namespace {

constexpr absl::Duration kLookForCancel = absl::Milliseconds(100);

}  // namespace

int64_t HeldBytes::Enter() {
  absl::MutexLock lock(&mu_);
  turns_.insert(next_turn_);
  return next_turn_++;
}

void HeldBytes::Leave(int64_t turn, int64_t bytes) {
  absl::MutexLock lock(&mu_);
  turns_.erase(turn);
  held_ -= bytes;
}

bool HeldBytes::TryAdd(int64_t turn, int64_t bytes) {
  absl::MutexLock lock(&mu_);
  if (!HasRoom(turn, bytes)) return false;
  held_ += bytes;
  return true;
}

void HeldBytes::Add(int64_t turn, int64_t bytes, const model::CancelFlag& cancel) {
  absl::MutexLock lock(&mu_);
  const auto has_room = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return HasRoom(turn, bytes); };
  while (!mu_.AwaitWithTimeout(absl::Condition(&has_room), kLookForCancel)) {
    if (cancel->HasBeenNotified()) break;
  }
  held_ += bytes;
}

void HeldBytes::Return(int64_t bytes) {
  absl::MutexLock lock(&mu_);
  held_ -= bytes;
}

}  // namespace sightline::ingest
