// Against Debian's redis-server, on a Unix socket, and against things that are no Redis at all.

#include "services/cache/redis_link.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/sealed_box.h"
#include "services/cache/answer_cache.h"
#include "tests/support/status_matchers.h"

namespace sightline::cache {
namespace {

using ::sightline::testing::IsOk;

bool Eventually(const std::function<bool()>& holds) {
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!holds() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
  return holds();
}

std::vector<v1::AnswerEvent> Events(const std::string& text) {
  std::vector<v1::AnswerEvent> events(2);
  events[0].mutable_delta()->set_text(text);
  events[1].mutable_done()->set_answer(text);
  return events;
}

class RedisTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);  // as the server does
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    options_.address.socket = dir_->path() + "/redis";
    options_.timeout = absl::Milliseconds(300);
  }

  void StartRedis(const std::vector<std::string>& more = {}) {
    ProcessOptions process;
    process.argv = {
        "redis-server", "--port", "0",     "--unixsocket", options_.address.socket, "--save", "",
        "--appendonly", "no",     "--dir", dir_->path()};
    process.argv.insert(process.argv.end(), more.begin(), more.end());
    process.out = ChildStream::kNull;
    ASSERT_OK_AND_ASSIGN(redis_, Process::Start(process));
    ASSERT_TRUE(Eventually([&] {
      return RedisConnection::Open(options_.address, options_.password, absl::Seconds(1)).ok();
    })) << "is redis-server installed?";
  }

  // What the Redis holds, through a connection of the test's own.
  std::unique_ptr<RedisConnection> Direct() {
    return *RedisConnection::Open(options_.address, options_.password, absl::Seconds(5));
  }

  static bool Connected(const RedisLink& link) {
    return Eventually([&] { return link.stats().connected; });
  }

  std::unique_ptr<TempDir> dir_;
  RedisOptions options_;
  std::unique_ptr<Process> redis_;
};

TEST_F(RedisTest, GivesBackWhatWasPutUnderThePrefix) {
  StartRedis();
  RedisLink link(options_);
  ASSERT_TRUE(Connected(link));
  EXPECT_EQ(link.Get("k"), std::nullopt);
  const std::string value = std::string("a\0b\r\n", 5) + std::string(100'000, 'x');
  link.Put("k", value);
  EXPECT_TRUE(Eventually([&] { return link.Get("k") == value; }));
  ASSERT_OK_AND_ASSIGN(const auto stored,
                       Direct()->Get("sightline:k", 1 << 20, absl::Now() + absl::Seconds(5)));
  EXPECT_EQ(stored, value);
  EXPECT_EQ(link.stats().errors, 0);
}

TEST_F(RedisTest, ValuesEndWithTheirTimeAndLargeOnesAreNeitherPutNorRead) {
  StartRedis();
  options_.ttl = absl::Milliseconds(50);
  options_.max_entry_bytes = 1000;
  RedisLink link(options_);
  ASSERT_TRUE(Connected(link));
  link.Put("short", "value");
  EXPECT_TRUE(Eventually([&] { return link.Get("short").has_value(); }));
  EXPECT_TRUE(Eventually([&] { return !link.Get("short").has_value(); }));
  link.Put("large", std::string(1001, 'x'));
  link.Put("fits", std::string(1000, 'x'));
  const auto direct = Direct();
  const auto holds = [&](const char* key) {
    return direct->Get(key, 1 << 20, absl::Now() + absl::Seconds(5))->has_value();
  };
  EXPECT_THAT(direct->Set("sightline:planted", std::string(5000, 'x'), absl::Hours(1),
                          absl::Now() + absl::Seconds(5)),
              IsOk());
  EXPECT_EQ(link.Get("planted"), std::nullopt);
  EXPECT_FALSE(holds("sightline:large"));
}

TEST_F(RedisTest, LogsInAndWithoutThePasswordGivesNothing) {
  options_.password = "geheim";
  StartRedis({"--requirepass", "geheim"});
  RedisLink link(options_);
  ASSERT_TRUE(Connected(link));
  link.Put("k", "value");
  EXPECT_TRUE(Eventually([&] { return link.Get("k") == "value"; }));
  RedisOptions without = options_;
  without.password.clear();
  RedisLink stranger(without);
  EXPECT_TRUE(Eventually([&] { return stranger.stats().errors > 0; }));
  EXPECT_EQ(stranger.Get("k"), std::nullopt);
  EXPECT_FALSE(stranger.stats().connected);
}

TEST_F(RedisTest, OneThatIsNotThereCostsNoTime) {
  RedisLink link(options_);
  EXPECT_TRUE(Eventually([&] { return link.stats().errors > 0; }));
  for (int i = 0; i < 1000; ++i) {
    link.Put("k", "value");
    EXPECT_EQ(link.Get("k"), std::nullopt);
  }
  // It would be found when it comes.
  StartRedis();
  EXPECT_TRUE(Connected(link));
}

TEST_F(RedisTest, OneThatIsKilledIsMissedAndFoundAgain) {
  StartRedis();
  RedisLink link(options_);
  ASSERT_TRUE(Connected(link));
  link.Put("k", "value");
  ASSERT_TRUE(Eventually([&] { return link.Get("k").has_value(); }));
  ASSERT_THAT(redis_->Signal(SIGKILL), IsOk());
  ASSERT_OK_AND_ASSIGN(const ExitStatus ended, redis_->Wait(absl::Now() + absl::Seconds(10)));
  EXPECT_EQ(ended.signal, SIGKILL);
  EXPECT_EQ(link.Get("k"), std::nullopt);
  link.Put("k", "value");
  EXPECT_TRUE(Eventually([&] { return !link.stats().connected; }));
  StartRedis();
  EXPECT_TRUE(Eventually([&] {
    link.Put("k", "again");
    return link.Get("k") == "again";
  }));
}

TEST_F(RedisTest, OneThatHangsCostsOneTimeOutAndIsThenLeftAlone) {
  StartRedis();
  options_.timeout = absl::Seconds(1);
  RedisLink link(options_);
  ASSERT_TRUE(Connected(link));
  ASSERT_THAT(redis_->Signal(SIGSTOP), IsOk());
  EXPECT_EQ(link.Get("k"), std::nullopt);
  EXPECT_FALSE(link.stats().connected);
  const int64_t errors = link.stats().errors;
  // Each that asked it would count an error.
  for (int i = 0; i < 200; ++i) EXPECT_EQ(link.Get("k"), std::nullopt);
  EXPECT_LE(link.stats().errors, errors + 20);
  ASSERT_THAT(redis_->Signal(SIGCONT), IsOk());
  EXPECT_TRUE(Connected(link));
}

TEST_F(RedisTest, AnswersAreFoundByTheNextServerWithTheSecretAndAreNotReadable) {
  StartRedis();
  const SecretKey secret = RandomSecret();
  const AnswerCacheOptions of_server = {.max_bytes = 1 << 20, .server = "s", .secret = secret};
  {
    AnswerCache first(of_server, std::make_unique<RedisLink>(options_));
    ASSERT_TRUE(Connected(*first.redis()));
    const CacheKey key = first.KeyFor("").Field("q").Make();
    first.Insert(key, Events("the mill burned down"));
    const auto direct = Direct();
    std::optional<std::string> stored;
    ASSERT_TRUE(Eventually([&] {
      stored = *direct->Get("sightline:" + key.Hex(), 1 << 20, absl::Now() + absl::Seconds(5));
      return stored.has_value();
    }));
    EXPECT_EQ(stored->find("mill"), std::string::npos);
  }
  AnswerCache second(of_server, std::make_unique<RedisLink>(options_));
  ASSERT_TRUE(Connected(*second.redis()));
  const CacheKey key = second.KeyFor("").Field("q").Make();
  const auto found = second.Find(key);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->back().done().answer(), "the mill burned down");
  EXPECT_EQ(second.redis()->stats().hits, 1);
  EXPECT_TRUE(second.Find(key).has_value());  // from memory now
  EXPECT_EQ(second.redis()->stats().hits, 1);

  AnswerCacheOptions other = of_server;
  other.secret = RandomSecret();
  AnswerCache stranger(other, std::make_unique<RedisLink>(options_));
  ASSERT_TRUE(Connected(*stranger.redis()));
  EXPECT_FALSE(stranger.Find(stranger.KeyFor("").Field("q").Make()).has_value());
}

TEST_F(RedisTest, PlantedValuesAreMissesAndCounted) {
  StartRedis();
  const SecretKey secret = RandomSecret();
  AnswerCache cache({.max_bytes = 0, .server = "s", .secret = secret},
                    std::make_unique<RedisLink>(options_));
  ASSERT_TRUE(Connected(*cache.redis()));
  const CacheKey mine = cache.KeyFor("").Field("mine").Make();
  const CacheKey other = cache.KeyFor("").Field("other").Make();
  cache.Insert(mine, Events("true"));
  ASSERT_TRUE(Eventually([&] { return cache.Find(mine).has_value(); }));

  const auto direct = Direct();
  const absl::Time soon = absl::Now() + absl::Seconds(10);
  const auto plant = [&](const CacheKey& key, const std::string& value) {
    ASSERT_THAT(direct->Set("sightline:" + key.Hex(), value, absl::Hours(1), soon), IsOk());
  };
  const std::string sealed = **direct->Get("sightline:" + mine.Hex(), 1 << 20, soon);
  plant(other, sealed);  // a true answer to another question
  EXPECT_FALSE(cache.Find(other).has_value());
  std::string flipped = sealed;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 4);
  for (const std::string& value :
       {flipped, sealed.substr(0, sealed.size() - 1), std::string("garbage"), std::string(1, '\0'),
        Seal(RandomSecret(), "answer 1 " + mine.bytes(), "x"),
        Seal(secret, "answer 1 " + mine.bytes(), "no events")}) {
    plant(mine, value);
    EXPECT_FALSE(cache.Find(mine).has_value());
  }
  EXPECT_EQ(cache.redis()->stats().errors, 7);
  EXPECT_TRUE(cache.redis()->stats().connected);
}

// Takes connections and answers whatever comes with `reply`; empty: never, closing nothing.
class FalseRedis {
 public:
  FalseRedis(const std::string& path, std::string reply)
      : reply_(std::move(reply)), listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(listener_, 16);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FalseRedis() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::atomic<int> taken{0};

 private:
  void Serve() {
    std::vector<int> open;
    while (!stopping_) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) break;
      ++taken;
      open.push_back(client);
      if (!reply_.empty()) (void)!::write(client, reply_.data(), reply_.size());
    }
    for (const int client : open) ::close(client);
  }

  const std::string reply_;
  const int listener_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

TEST_F(RedisTest, WhateverElseAnswersIsAnErrorAndNoConnection) {
  for (const std::string& reply :
       {std::string(), std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("$-5\r\n"),
        std::string("*99999999999\r\n"), std::string("$536870912\r\nxxxx"),
        std::string(300'000, 'x'), std::string("-LOADING Redis is loading\r\n")}) {
    const FalseRedis server(options_.address.socket, reply);
    {
      RedisLink link(options_);
      EXPECT_TRUE(Eventually([&] { return link.stats().errors > 0; })) << reply.substr(0, 20);
      EXPECT_FALSE(link.stats().connected) << reply.substr(0, 20);
      EXPECT_EQ(link.Get("k"), std::nullopt);
    }
    ::unlink(options_.address.socket.c_str());
  }
}

}  // namespace
}  // namespace sightline::cache
