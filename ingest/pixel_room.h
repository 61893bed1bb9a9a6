#pragma once

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "model/call.h"

namespace sightline::ingest {

// Bounds the decoded pixels that all documents hold for the encoder. Any thread.
class PixelRoom {
 public:
  // `limit` > 0; one picture larger than it goes alone.
  explicit PixelRoom(int64_t limit) : limit_(limit) {}

  // False when there is no room now; there always is for what is the only one.
  bool TryTake(int64_t pixels);
  // Waits for room. Whoever waits must hold none, since he may be what others wait for. False when
  // `cancel` (not null) came first.
  bool Take(int64_t pixels, const model::CancelFlag& cancel);
  void Return(int64_t pixels);

 private:
  bool HasRoom(int64_t pixels) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return taken_ == 0 || taken_ + pixels <= limit_;
  }

  const int64_t limit_;
  absl::Mutex mu_;
  int64_t taken_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace sightline::ingest
