#include "ingest/pixel_room.h"

#include "absl/time/time.h"

namespace sightline::ingest {
namespace {

constexpr absl::Duration kLookForCancel = absl::Milliseconds(100);

}  // namespace

bool PixelRoom::TryTake(int64_t pixels) {
  absl::MutexLock lock(&mu_);
  if (!HasRoom(pixels)) return false;
  taken_ += pixels;
  return true;
}

bool PixelRoom::Take(int64_t pixels, const model::CancelFlag& cancel) {
  absl::MutexLock lock(&mu_);
  const auto has_room = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return HasRoom(pixels); };
  while (!mu_.AwaitWithTimeout(absl::Condition(&has_room), kLookForCancel)) {
    if (cancel->HasBeenNotified()) return false;
  }
  taken_ += pixels;
  return true;
}

void PixelRoom::Return(int64_t pixels) {
  absl::MutexLock lock(&mu_);
  taken_ -= pixels;
}

}  // namespace sightline::ingest
