#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/cache/redis_address.h"

struct redisContext;
struct redisReply;

namespace sightline::cache {

// One connection to a Redis. Every call ends by its deadline, however slowly the other side sends;
// only looking up a host's name may take longer. kUnavailable: the connection is of no use any
// more; kFailedPrecondition: Redis refuses the command, with its words. One thread at a time.
class RedisConnection {
 public:
  // Connects, logs in where there is a password, chooses the database, and has Redis answer a PING.
  static absl::StatusOr<std::unique_ptr<RedisConnection>> Open(const RedisAddress& address,
                                                               const std::string& password,
                                                               absl::Duration timeout);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Empty: no such key, or a value above `max_bytes`, of which no more than that is read.
  absl::StatusOr<std::optional<std::string>> Get(const std::string& key, size_t max_bytes,
                                                 absl::Time deadline);
  absl::Status Set(const std::string& key, const std::string& value, absl::Duration ttl,
                   absl::Time deadline);

 private:
  struct FreeContext {
    void operator()(redisContext* context) const;
  };
  struct FreeReply {
    void operator()(redisReply* reply) const;
  };
  using Reply = std::unique_ptr<redisReply, FreeReply>;

  explicit RedisConnection(redisContext* context) : context_(context) {}

  absl::Status Prepare(const RedisAddress& address, const std::string& password,
                       absl::Time deadline);
  // Sends one command and reads its reply, of at most `max_bytes` and a little.
  absl::StatusOr<Reply> Run(const std::vector<absl::string_view>& command, size_t max_bytes,
                            absl::Time deadline);
  absl::Status Wait(absl::Time deadline);  // for what is sent or read next
  absl::Status Broken() const;

  const std::unique_ptr<redisContext, FreeContext> context_;
};

}  // namespace sightline::cache
