#include "services/cache/redis_connection.h"

#include <fcntl.h>
#include <hiredis.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"

namespace sightline::cache {
namespace {

constexpr size_t kReplyOverhead = 64 << 10;  // of a reply beside its value
constexpr size_t kMaxWords = 120;            // of what Redis says in an error

// What a server on the other side says, fit for a log.
std::string Words(absl::string_view text) {
  std::string out(text.substr(0, kMaxWords));
  for (char& c : out) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return out;
}

absl::Status TooLate() { return absl::UnavailableError("redis: no reply in time"); }

}  // namespace

void RedisConnection::FreeContext::operator()(redisContext* context) const { redisFree(context); }
void RedisConnection::FreeReply::operator()(redisReply* reply) const { freeReplyObject(reply); }

RedisConnection::~RedisConnection() = default;

absl::StatusOr<std::unique_ptr<RedisConnection>> RedisConnection::Open(const RedisAddress& address,
                                                                       const std::string& password,
                                                                       absl::Duration timeout) {
  const timeval limit = absl::ToTimeval(timeout);
  redisContext* const context =
      address.host.empty() ? redisConnectUnixWithTimeout(address.socket.c_str(), limit)
                           : redisConnectWithTimeout(address.host.c_str(), address.port, limit);
  if (context == nullptr) return absl::ResourceExhaustedError("redis: out of memory");
  std::unique_ptr<RedisConnection> connection(new RedisConnection(context));
  if (context->err != 0) return connection->Broken();
  ::fcntl(context->fd, F_SETFD, FD_CLOEXEC);
  SL_RETURN_IF_ERROR(connection->Prepare(address, password, absl::Now() + timeout));
  return connection;
}

absl::Status RedisConnection::Prepare(const RedisAddress& address, const std::string& password,
                                      absl::Time deadline) {
  if (!password.empty()) {
    std::vector<absl::string_view> login = {"AUTH", password};
    if (!address.user.empty()) login.insert(login.begin() + 1, address.user);
    SL_RETURN_IF_ERROR(Run(login, 0, deadline).status());
  }
  if (address.database != 0) {
    const std::string number = absl::StrCat(address.database);
    SL_RETURN_IF_ERROR(Run({"SELECT", number}, 0, deadline).status());
  }
  return Run({"PING"}, 0, deadline).status();
}

absl::StatusOr<std::optional<std::string>> RedisConnection::Get(const std::string& key,
                                                                size_t max_bytes,
                                                                absl::Time deadline) {
  const std::string last = absl::StrCat(max_bytes);  // one byte more than is allowed
  SL_ASSIGN_OR_RETURN(const Reply reply, Run({"GETRANGE", key, "0", last}, max_bytes, deadline));
  if (reply->type != REDIS_REPLY_STRING) {
    return absl::FailedPreconditionError("redis: GETRANGE gave no string");
  }
  if (reply->len == 0 || reply->len > max_bytes) return std::nullopt;
  return std::string(reply->str, reply->len);
}

absl::Status RedisConnection::Set(const std::string& key, const std::string& value,
                                  absl::Duration ttl, absl::Time deadline) {
  const std::string milliseconds = absl::StrCat(absl::ToInt64Milliseconds(ttl));
  return Run({"SET", key, value, "PX", milliseconds}, 0, deadline).status();
}

absl::StatusOr<RedisConnection::Reply> RedisConnection::Run(
    const std::vector<absl::string_view>& command, size_t max_bytes, absl::Time deadline) {
  std::vector<const char*> words;
  std::vector<size_t> lengths;
  for (const absl::string_view word : command) {
    words.push_back(word.data());
    lengths.push_back(word.size());
  }
  redisContext* const context = context_.get();
  if (redisAppendCommandArgv(context, static_cast<int>(words.size()), words.data(),
                             lengths.data()) != REDIS_OK) {
    return Broken();
  }
  for (int sent = 0; sent == 0;) {
    SL_RETURN_IF_ERROR(Wait(deadline));
    if (redisBufferWrite(context, &sent) != REDIS_OK) return Broken();
  }
  void* read = nullptr;
  while (read == nullptr) {
    SL_RETURN_IF_ERROR(Wait(deadline));
    if (redisBufferRead(context) != REDIS_OK) return Broken();
    if (context->reader->len - context->reader->pos > max_bytes + kReplyOverhead) {
      return absl::UnavailableError("redis: the reply is larger than what was asked for");
    }
    if (redisGetReplyFromReader(context, &read) != REDIS_OK) return Broken();
  }
  Reply reply(static_cast<redisReply*>(read));
  if (reply->type != REDIS_REPLY_ERROR) return reply;
  return absl::FailedPreconditionError(
      absl::StrCat("redis: ", Words(absl::string_view(reply->str, reply->len))));
}

absl::Status RedisConnection::Wait(absl::Time deadline) {
  const absl::Duration left = deadline - absl::Now();
  if (left <= absl::ZeroDuration()) return TooLate();
  // A time-out of zero would mean none.
  const timeval limit = absl::ToTimeval(std::max(left, absl::Milliseconds(1)));
  return redisSetTimeout(context_.get(), limit) == REDIS_OK ? absl::OkStatus() : Broken();
}

absl::Status RedisConnection::Broken() const {
  // What the system calls a socket whose time-out has passed.
  if (context_->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK)) return TooLate();
  return absl::UnavailableError(absl::StrCat("redis: ", Words(context_->errstr)));
}

}  // namespace sightline::cache
