#pragma once

#include <cstdint>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "model/call.h"

namespace sightline::ingest {

// Bounds the memory of documents under way: of their files, and of the pictures that they hold
// until they are committed. The oldest document never waits, so that one of them always comes to
// its end. Any thread.
class HeldBytes {
 public:
  explicit HeldBytes(int64_t limit) : limit_(limit) {}

  // One document's share. One thread.
  class Share {
   public:
    explicit Share(HeldBytes& all) : all_(all), turn_(all.Enter()) {}
    ~Share() { all_.Leave(turn_, bytes_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // False when there is no room for so many more now.
    bool TryAdd(int64_t bytes) {
      if (!all_.TryAdd(turn_, bytes)) return false;
      bytes_ += bytes;
      return true;
    }
    // Waits for it, at most until `cancel` (not null) comes. Whoever waits must hold nothing else
    // that the oldest document may wait for.
    void Add(int64_t bytes, const model::CancelFlag& cancel) {
      all_.Add(turn_, bytes, cancel);
      bytes_ += bytes;
    }
    int64_t bytes() const { return bytes_; }
    // Gives back all beyond `bytes`.
    void ShrinkTo(int64_t bytes) {
      all_.Return(bytes_ - bytes);
      bytes_ = bytes;
    }

   private:
    HeldBytes& all_;
    const int64_t turn_;
    int64_t bytes_ = 0;
  };

 private:
  int64_t Enter();
  void Leave(int64_t turn, int64_t bytes);
  bool TryAdd(int64_t turn, int64_t bytes);
  void Add(int64_t turn, int64_t bytes, const model::CancelFlag& cancel);
  void Return(int64_t bytes);
  bool HasRoom(int64_t turn, int64_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return held_ + bytes <= limit_ || *turns_.begin() == turn;
  }

  const int64_t limit_;
  absl::Mutex mu_;
  int64_t held_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t next_turn_ ABSL_GUARDED_BY(mu_) = 0;
  std::set<int64_t> turns_ ABSL_GUARDED_BY(mu_);  // of the documents under way
};

}  // namespace sightline::ingest
