#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/cache/redis_address.h"
#include "services/cache/redis_connection.h"

namespace sightline::cache {

struct RedisOptions {
  RedisAddress address;
  std::string password;               // empty = no login
  std::string prefix = "sightline:";  // of every key
  absl::Duration ttl = absl::Hours(1);
  absl::Duration timeout = absl::Milliseconds(100);  // of connecting, and of each command
  size_t max_entry_bytes = 1 << 20;
};

struct RedisStats {
  int64_t hits = 0;
  int64_t misses = 0;
  int64_t errors = 0;  // failed connections and commands, and values that were not ours
  bool connected = false;
};

// A Redis that may be there or not: whoever asks waits one time-out at most, and never sees an
// error. Once it fails it is left alone for a while, longer each time, and a thread of the link's
// own connects again; that thread also does all writing. Any thread.
class RedisLink {
 public:
  explicit RedisLink(const RedisOptions& options);
  ~RedisLink();  // what was not written yet is dropped
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // Empty: not there, no Redis, or every connection is in use.
  std::optional<std::string> Get(const std::string& key);
  // Says whether what the last Get of this caller gave was of any use.
  void Judge(bool good);
  // Writes it soon; not while there is no Redis, when too much waits, or above max_entry_bytes.
  void Put(const std::string& key, std::string value);

  RedisStats stats() const;

 private:
  using Connection = std::unique_ptr<RedisConnection>;

  void Run();  // of the thread
  void Connect();
  void WriteNext();
  bool CanWrite() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What a command with a connection of `epoch` came to.
  void TakeBack(Connection connection, int64_t epoch, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Connects no more for a while, longer each time.
  void Pause() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Note(const absl::Status& error) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const RedisOptions options_;
  mutable absl::Mutex mu_;
  std::vector<Connection> idle_ ABSL_GUARDED_BY(mu_);
  int open_ ABSL_GUARDED_BY(mu_) = 0;          // idle ones and those in use
  int64_t epoch_ ABSL_GUARDED_BY(mu_) = 0;     // counts failures; connections of an earlier one go
  bool is_down_ ABSL_GUARDED_BY(mu_) = false;  // nothing answered since it failed
  int failed_in_a_row_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Time retry_at_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  absl::Time warned_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  std::deque<std::pair<std::string, std::string>> waiting_ ABSL_GUARDED_BY(mu_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  RedisStats stats_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: starts when the rest stands
};

}  // namespace sightline::cache
