#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/lru_cache.h"
#include "services/cache/cache_key.h"
#include "services/cache/redis_link.h"
#include "sightline/v1/query.pb.h"

namespace sightline::cache {

struct AnswerCacheOptions {
  int64_t max_bytes = int64_t{64} << 20;  // in memory; 0 = none there
  // Names all that every answer of this server hangs on: models, settings, version.
  std::string server;
  SecretKey secret = {};  // of the tenants' salts, and of what lies in Redis
};

// Answers as they left, by key: in memory, and behind that in Redis where there is one. Any thread.
class AnswerCache {
 public:
  // `redis`: null = none.
  AnswerCache(AnswerCacheOptions options, std::unique_ptr<RedisLink> redis);

  // Begins the key of an answer to `tenant`.
  CacheKeyMaker KeyFor(absl::string_view tenant) const;

  // The events of one answer in order, `done` last. Empty: there is none, or what Redis holds in
  // its place is not what this server put there. Waits for Redis no longer than its time-out.
  std::optional<std::vector<v1::AnswerEvent>> Find(const CacheKey& key);

  // Keeps them; in Redis soon, or never where it cannot be reached.
  void Insert(const CacheKey& key, const std::vector<v1::AnswerEvent>& events);

  // Forgets what is in memory. What lies in Redis is encrypted, and goes with its time.
  void Clear() { events_.Clear(); }

  CacheStats memory() const { return events_.stats(); }
  const RedisLink* redis() const { return redis_.get(); }

 private:
  const AnswerCacheOptions options_;
  LruCache<std::string> events_;
  const std::unique_ptr<RedisLink> redis_;
};

}  // namespace sightline::cache
