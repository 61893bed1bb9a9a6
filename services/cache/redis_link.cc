#include "services/cache/redis_link.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/log.h"

namespace sightline::cache {
namespace {

constexpr int kConnections = 4;
constexpr size_t kMaxWaitingBytes = 16 << 20;
constexpr absl::Duration kFirstPause = absl::Milliseconds(250);
constexpr absl::Duration kLongestPause = absl::Seconds(30);
constexpr absl::Duration kBetweenWarnings = absl::Minutes(1);

}  // namespace

RedisLink::RedisLink(const RedisOptions& options) : options_(options), thread_([this] { Run(); }) {}

RedisLink::~RedisLink() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

std::optional<std::string> RedisLink::Get(const std::string& key) {
  Connection connection;
  int64_t epoch = 0;
  {
    absl::MutexLock lock(&mu_);
    if (idle_.empty()) {
      ++stats_.misses;
      return std::nullopt;
    }
    connection = std::move(idle_.back());
    idle_.pop_back();
    epoch = epoch_;
  }
  auto value = connection->Get(absl::StrCat(options_.prefix, key), options_.max_entry_bytes,
                               absl::Now() + options_.timeout);
  absl::MutexLock lock(&mu_);
  TakeBack(std::move(connection), epoch, value.status());
  if (value.ok() && value->has_value()) return *std::move(value);
  ++stats_.misses;
  return std::nullopt;
}

void RedisLink::Judge(bool good) {
  absl::MutexLock lock(&mu_);
  ++(good ? stats_.hits : stats_.misses);
  if (!good) ++stats_.errors;
}

void RedisLink::Put(const std::string& key, std::string value) {
  if (value.size() > options_.max_entry_bytes) return;
  absl::MutexLock lock(&mu_);
  if (open_ == 0 || waiting_bytes_ + value.size() > kMaxWaitingBytes) return;
  waiting_bytes_ += value.size();
  waiting_.emplace_back(absl::StrCat(options_.prefix, key), std::move(value));
}

RedisStats RedisLink::stats() const {
  absl::MutexLock lock(&mu_);
  RedisStats out = stats_;
  out.connected = open_ > 0;
  return out;
}

bool RedisLink::CanWrite() const { return !waiting_.empty() && !idle_.empty(); }

void RedisLink::Run() {
  for (;;) {
    bool write = false;
    {
      absl::MutexLock lock(&mu_);
      const auto wake = [this, seen = epoch_]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return stopping_ || CanWrite() || epoch_ != seen;
      };
      mu_.AwaitWithDeadline(absl::Condition(&wake),
                            open_ < kConnections ? retry_at_ : absl::InfiniteFuture());
      if (stopping_) return;
      write = CanWrite();
      if (!write && (open_ == kConnections || absl::Now() < retry_at_)) continue;
    }
    if (write) {
      WriteNext();
    } else {
      Connect();
    }
  }
}

void RedisLink::Connect() {
  auto connection = RedisConnection::Open(options_.address, options_.password, options_.timeout);
  absl::MutexLock lock(&mu_);
  if (!connection.ok()) {
    Note(connection.status());
    Pause();
    return;
  }
  idle_.push_back(*std::move(connection));
  ++open_;
}

void RedisLink::WriteNext() {
  Connection connection;
  std::pair<std::string, std::string> entry;
  int64_t epoch = 0;
  {
    absl::MutexLock lock(&mu_);
    if (idle_.empty() || waiting_.empty()) return;
    connection = std::move(idle_.back());
    idle_.pop_back();
    entry = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= entry.second.size();
    epoch = epoch_;
  }
  const absl::Status written =
      connection->Set(entry.first, entry.second, options_.ttl, absl::Now() + options_.timeout);
  absl::MutexLock lock(&mu_);
  TakeBack(std::move(connection), epoch, written);
}

void RedisLink::TakeBack(Connection connection, int64_t epoch, const absl::Status& status) {
  if (status.ok()) {
    if (is_down_) log::Info("redis answers again", {{"redis", options_.address.Name()}});
    is_down_ = false;
    failed_in_a_row_ = 0;
  } else {
    Note(status);
  }
  if (epoch != epoch_) return;  // the others failed meanwhile
  if (!absl::IsUnavailable(status)) {
    idle_.push_back(std::move(connection));
    return;
  }
  // The others are of the same Redis: they would each cost somebody a time-out.
  ++epoch_;
  idle_.clear();
  open_ = 0;
  waiting_.clear();
  waiting_bytes_ = 0;
  Pause();
}

void RedisLink::Pause() {
  is_down_ = is_down_ || open_ == 0;
  const int doublings = std::min(failed_in_a_row_++, 10);
  retry_at_ = absl::Now() + std::min(kFirstPause * (1 << doublings), kLongestPause);
}

void RedisLink::Note(const absl::Status& error) {
  ++stats_.errors;
  const absl::Time now = absl::Now();
  if (now - warned_ < kBetweenWarnings) return;
  warned_ = now;
  log::Warning("redis is of no use now; answers are not kept there",
               {{"redis", options_.address.Name()}, {"why", error.message()}});
}

}  // namespace sightline::cache
