#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace sightline {

struct CacheStats {
  int64_t hits = 0;
  int64_t misses = 0;
  int64_t evictions = 0;  // entries that went to make room
  int64_t bytes = 0;      // of what is kept now

  CacheStats& operator+=(const CacheStats& other) {
    hits += other.hits;
    misses += other.misses;
    evictions += other.evictions;
    bytes += other.bytes;
    return *this;
  }
};

// Keeps values by key; the least recently used go when the bytes are above the limit. A value never
// changes once kept, and lives as long as anybody holds it. Any thread.
template <typename Value>
class LruCache {
 public:
  using Ptr = std::shared_ptr<const Value>;
  // What an entry takes besides its value: two copies of its key, list node, map slot, counts.
  static int64_t Overhead(absl::string_view key) {
    return 2 * static_cast<int64_t>(key.size()) + 160;
  }

  // 0 keeps nothing.
  explicit LruCache(int64_t max_bytes) : max_bytes_(max_bytes) {}

  int64_t max_bytes() const { return max_bytes_; }

  // Null when absent. Counts as a hit or a miss.
  Ptr Find(absl::string_view key) {
    absl::MutexLock lock(&mu_);
    Ptr found = FindLocked(key);
    ++(found == nullptr ? stats_.misses : stats_.hits);
    return found;
  }

  // Find for one who has asked before and was told no: a miss is not counted again.
  Ptr FindAgain(absl::string_view key) {
    absl::MutexLock lock(&mu_);
    Ptr found = FindLocked(key);
    if (found != nullptr) ++stats_.hits;
    return found;
  }

  // `bytes`: what the value takes. A key that is there keeps its value. An entry above the limit by
  // itself is not kept.
  void Insert(const std::string& key, Ptr value, int64_t bytes) {
    bytes += Overhead(key);
    if (bytes > max_bytes_) return;
    absl::MutexLock lock(&mu_);
    if (by_key_.contains(key)) return;
    entries_.push_front({key, std::move(value), bytes});
    by_key_[key] = entries_.begin();
    stats_.bytes += bytes;
    while (stats_.bytes > max_bytes_) {
      const Entry& oldest = entries_.back();
      stats_.bytes -= oldest.bytes;
      ++stats_.evictions;
      by_key_.erase(oldest.key);
      entries_.pop_back();
    }
  }

  // Forgets all of them; those that a caller still holds live on with him.
  void Clear() {
    absl::MutexLock lock(&mu_);
    by_key_.clear();
    entries_.clear();
    stats_.bytes = 0;
  }

  CacheStats stats() const {
    absl::MutexLock lock(&mu_);
    return stats_;
  }

 private:
  struct Entry {
    std::string key;
    Ptr value;
    int64_t bytes = 0;
  };

  Ptr FindLocked(absl::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->value;
  }

  const int64_t max_bytes_;
  mutable absl::Mutex mu_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mu_);  // the most recently used first
  absl::flat_hash_map<std::string, typename std::list<Entry>::iterator> by_key_
      ABSL_GUARDED_BY(mu_);
  CacheStats stats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline
