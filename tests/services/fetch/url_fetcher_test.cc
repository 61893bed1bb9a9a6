#include "services/fetch/url_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "services/edge/error_details.h"
#include "tests/services/fetch/script_server.h"
#include "tests/support/status_matchers.h"

namespace sightline::fetch {
namespace {

using ::sightline::testing::HttpOk;
using ::sightline::testing::HttpRedirect;
using ::sightline::testing::IsOk;
using ::sightline::testing::Script;
using ::sightline::testing::ScriptServer;
using ::sightline::testing::SendFunction;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Script Says(std::string reply) {
  return [reply = std::move(reply)](const std::string&, const SendFunction& send) { send(reply); };
}

// A policy that lets `server` be reached on its own port.
FetchPolicy Allowing(const ScriptServer& server) {
  FetchPolicy policy = {.allowed_hosts = {"*"}, .ports = {server.port()}};
  EXPECT_THAT(ReadPrivate("127.0.0.0/8", policy), IsOk());
  return policy;
}

// Every name has these addresses, in turns of one list a look-up; the last one stays.
Resolver Answers(std::vector<std::vector<std::string>> lists,
                 std::shared_ptr<std::atomic<int>> asked = nullptr) {
  auto turn = std::make_shared<std::atomic<size_t>>(0);
  return [=](const std::string&, const FetchLimits&) -> absl::StatusOr<std::vector<Address>> {
    if (asked != nullptr) ++*asked;
    std::vector<Address> out;
    for (const std::string& text : lists[std::min(turn->fetch_add(1), lists.size() - 1)]) {
      out.push_back(*Address::Parse(text));
    }
    if (out.empty()) return absl::NotFoundError("no address");
    return out;
  };
}

absl::StatusOr<FetchReply> Fetch(const UrlFetcher& fetcher, const std::string& url,
                                 int64_t max_bytes = 0) {
  return fetcher.Fetch({.url = url, .max_bytes = max_bytes}, {});
}

std::string Fault(const absl::StatusOr<FetchReply>& reply) {
  return reply.ok() ? "none" : edge::Reason(reply.status());
}

TEST(UrlFetcherTest, GivesTheBytesAndWhatTheServerSaysOfThem) {
  const ScriptServer server(Says(HttpOk("hello", "ETag: \"x\"\r\nLast-Modified: today\r\n")));
  const UrlFetcher fetcher(Allowing(server));
  ASSERT_OK_AND_ASSIGN(const FetchReply reply, Fetch(fetcher, server.Url("/a?b=c#d")));
  EXPECT_EQ(reply.bytes, "hello");
  EXPECT_EQ(reply.validators.etag, "\"x\"");
  EXPECT_EQ(reply.validators.last_modified, "today");
  ASSERT_THAT(server.requests(), SizeIs(1));
  const std::string request = server.requests()[0];
  EXPECT_THAT(request, HasSubstr("GET /a?b=c HTTP/1.1\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Accept-Encoding")));
  EXPECT_THAT(request, Not(HasSubstr("Cookie")));
}

TEST(UrlFetcherTest, TheConnectionGoesToTheResolvedAddressUnderTheGivenName) {
  const ScriptServer server(Says(HttpOk("hello")));
  const UrlFetcher fetcher(Allowing(server), Answers({{"127.0.0.1"}}));
  ASSERT_OK_AND_ASSIGN(const FetchReply reply, Fetch(fetcher, server.Url("/", "photos.example")));
  EXPECT_EQ(reply.bytes, "hello");
  EXPECT_THAT(server.requests()[0], HasSubstr("Host: photos.example:"));
}

TEST(UrlFetcherTest, InnerAddressesAreRefusedInOneWordAndNeverReached) {
  const ScriptServer canary(Says(HttpOk("secret")));
  // The whole loopback range reaches the canary; its port is allowed, addresses are not.
  const UrlFetcher fetcher({.allowed_hosts = {"*"}, .ports = {canary.port(), 80, 443}});
  std::vector<std::string> messages;
  for (const char* host : {"127.0.0.1",
                           "127.1",
                           "2130706433",
                           "0177.0.0.1",
                           "0x7f.1",
                           "0x7f000001",
                           "0.0.0.0",
                           "0",
                           "localhost",
                           "LOCALHOST",
                           "localhost.",
                           "127.0.0.1.",
                           "[::1]",
                           "[::]",
                           "[::ffff:127.0.0.1]",
                           "[::ffff:7f00:1]",
                           "[::ffff:a9fe:a9fe]",
                           "[64:ff9b::7f00:1]",
                           "[2002:7f00:1::]",
                           "[fc00::1]",
                           "[fe80::1%25eth0]",
                           "[fe80::1]",
                           "169.254.169.254",
                           "100.64.0.1",
                           "10.0.0.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "user@127.0.0.1",
                           "127.0.0.1\\@example.org",
                           "%31%32%37.0.0.1",
                           "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
                           "127\xe3\x80\x82"
                           "0\xe3\x80\x82"
                           "0.1"}) {
    const auto reply = Fetch(fetcher, canary.Url("/", host));
    EXPECT_THAT(reply, StatusIs(absl::StatusCode::kFailedPrecondition)) << host;
    EXPECT_EQ(Fault(reply), "url_not_allowed") << host;
    EXPECT_EQ(reply.status().message(), "this server's configuration does not let it be fetched");
  }
  EXPECT_EQ(canary.connections(), 0);
}

TEST(UrlFetcherTest, OtherSchemesHostsAndPortsAreNotLookedUp) {
  const ScriptServer canary(Says(HttpOk("secret")));
  const auto asked = std::make_shared<std::atomic<int>>(0);
  FetchPolicy policy = {.allowed_hosts = {"example.org"}, .ports = {canary.port()}};
  ASSERT_THAT(ReadPrivate("127.0.0.0/8", policy), IsOk());
  const UrlFetcher fetcher(policy, Answers({{"127.0.0.1"}}, asked));
  for (const std::string& url :
       {std::string("ftp://example.org/"), std::string("file:///etc/passwd"),
        std::string("gopher://example.org:70/"), std::string("example.org"),
        canary.Url("/", "example.net"), std::string("http://example.org:6379/"),
        canary.Url("/", "127.0.0.1")}) {
    EXPECT_EQ(Fault(Fetch(fetcher, url)), "url_not_allowed") << url;
  }
  EXPECT_EQ(*asked, 0);
  EXPECT_EQ(canary.connections(), 0);
  EXPECT_THAT(Fetch(fetcher, canary.Url("/", "example.org")), IsOk());
}

TEST(UrlFetcherTest, OneInnerAddressAmongOthersRefusesTheHost) {
  const ScriptServer canary(Says(HttpOk("secret")));
  const FetchPolicy policy = {.allowed_hosts = {"*"}, .ports = {canary.port()}};
  std::vector<std::string> many(999, "8.8.8.8");
  many.push_back("127.0.0.1");
  for (const auto& answer : std::vector<std::vector<std::string>>{
           {"8.8.8.8", "127.0.0.1"}, {"127.0.0.1"}, {"8.8.8.8", "::1"}, {"10.0.0.1"}, many, {}}) {
    const UrlFetcher fetcher(policy, Answers({answer}));
    EXPECT_EQ(Fault(Fetch(fetcher, canary.Url("/", "example.org"))), "url_not_allowed");
  }
  EXPECT_EQ(canary.connections(), 0);
}

TEST(UrlFetcherTest, ANameIsLookedUpOnceSoThatItCannotChangeAfterTheCheck) {
  const ScriptServer server(Says(HttpOk("hello")));
  const auto asked = std::make_shared<std::atomic<int>>(0);
  // The second answer would be the metadata service.
  const UrlFetcher fetcher(Allowing(server), Answers({{"127.0.0.1"}, {"169.254.169.254"}}, asked));
  EXPECT_THAT(Fetch(fetcher, server.Url("/", "rebind.example")), IsOk());
  EXPECT_EQ(*asked, 1);
  // The next fetch sees the new answer, and refuses it.
  EXPECT_EQ(Fault(Fetch(fetcher, server.Url("/", "rebind.example"))), "url_not_allowed");
  EXPECT_EQ(server.connections(), 1);
}

TEST(UrlFetcherTest, EveryHopOfARedirectIsChecked) {
  const ScriptServer canary(Says(HttpOk("secret")));
  std::string location;
  const ScriptServer server([&](const std::string& request, const SendFunction& send) {
    send(absl::StrContains(request, "GET /end") ? HttpOk("the end") : HttpRedirect(location));
  });
  FetchPolicy policy = {.allowed_hosts = {"*"}, .ports = {server.port(), canary.port()}};
  ASSERT_THAT(ReadPrivate("photos.example", policy), IsOk());
  const UrlFetcher fetcher(policy, Answers({{"127.0.0.1"}}));
  const std::string from = server.Url("/start", "photos.example");
  for (const std::string& to :
       {canary.Url("/"), canary.Url("/", "other.example"), canary.Url("/", "localhost"),
        std::string("file:///etc/passwd"), std::string("gopher://photos.example/"),
        std::string("http://photos.example:6379/"), std::string("http://169.254.169.254/latest/"),
        absl::StrCat("//127.0.0.1:", canary.port(), "/"), std::string("http://user@photos.example"),
        absl::StrCat("http://photos.example\\@127.0.0.1:", canary.port(), "/")}) {
    location = to;
    const auto reply = Fetch(fetcher, from);
    EXPECT_EQ(Fault(reply), "url_not_allowed") << to;
    EXPECT_THAT(std::string(reply.status().message()), Not(HasSubstr("127.0.0.1"))) << to;
  }
  EXPECT_EQ(canary.connections(), 0);
  location = "/end?x";
  ASSERT_OK_AND_ASSIGN(const FetchReply reply, Fetch(fetcher, from));
  EXPECT_EQ(reply.bytes, "the end");
}

TEST(UrlFetcherTest, RedirectsAreCounted) {
  const ScriptServer server([&](const std::string& request, const SendFunction& send) {
    const int number = request[5] - '0';
    send(number == 3 ? HttpOk("three") : HttpRedirect(absl::StrCat("/", (number + 1) % 10)));
  });
  FetchPolicy policy = Allowing(server);
  EXPECT_THAT(Fetch(UrlFetcher(policy), server.Url("/0")), IsOk());
  EXPECT_EQ(server.connections(), 4);
  EXPECT_EQ(Fault(Fetch(UrlFetcher(policy), server.Url("/9"))), "url_not_allowed");
  EXPECT_EQ(server.connections(), 8);
  policy.max_redirects = 0;
  EXPECT_THAT(Fetch(UrlFetcher(policy), server.Url("/3")), IsOk());
  EXPECT_EQ(Fault(Fetch(UrlFetcher(policy), server.Url("/2"))), "url_not_allowed");
}

TEST(UrlFetcherTest, AMetaRefreshIsContentAndNoRedirect) {
  const ScriptServer canary(Says(HttpOk("secret")));
  const std::string page =
      absl::StrCat("<meta http-equiv=refresh content='0;url=", canary.Url("/"), "'>");
  const ScriptServer server(
      Says(HttpOk(page, absl::StrCat("Refresh: 0; url=", canary.Url("/"), "\r\n"))));
  ASSERT_OK_AND_ASSIGN(const FetchReply reply,
                       Fetch(UrlFetcher(Allowing(server)), server.Url("/")));
  EXPECT_EQ(reply.bytes, page);
  EXPECT_EQ(canary.connections(), 0);
}

TEST(UrlFetcherTest, AnEndlessBodyEndsAtTheLimit) {
  const ScriptServer server([](const std::string&, const SendFunction& send) {
    const std::string piece(1 << 16, 'x');
    send("HTTP/1.1 200 OK\r\n\r\n");
    while (send(piece)) continue;
  });
  FetchPolicy policy = Allowing(server);
  policy.max_bytes = 1 << 20;
  EXPECT_EQ(Fault(Fetch(UrlFetcher(policy), server.Url("/"))), "too_large");
  EXPECT_EQ(Fault(Fetch(UrlFetcher(policy), server.Url("/"), 1000)), "too_large");
}

TEST(UrlFetcherTest, AnAnnouncedLengthAboveTheLimitIsRefusedBeforeTheBody) {
  const ScriptServer server(Says("HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\nabc"));
  EXPECT_EQ(Fault(Fetch(UrlFetcher(Allowing(server)), server.Url("/"))), "too_large");
}

TEST(UrlFetcherTest, TheLimitItselfIsAllowed) {
  const ScriptServer server(Says(HttpOk("12345")));
  const UrlFetcher fetcher(Allowing(server));
  EXPECT_THAT(Fetch(fetcher, server.Url("/"), 5), IsOk());
  EXPECT_EQ(Fault(Fetch(fetcher, server.Url("/"), 4)), "too_large");
}

TEST(UrlFetcherTest, ASlowServerIsLeftWhenTheTimeIsUp) {
  const ScriptServer server([](const std::string&, const SendFunction& send) {
    send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (send("x")) absl::SleepFor(absl::Milliseconds(100));
  });
  FetchPolicy policy = Allowing(server);
  policy.timeout = absl::Milliseconds(300);
  const auto reply = Fetch(UrlFetcher(policy), server.Url("/"));
  EXPECT_THAT(reply, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(Fault(reply), "fetch_timeout");
}

TEST(UrlFetcherTest, TheTimeIsThatOfAllHopsTogether) {
  const ScriptServer server([](const std::string&, const SendFunction& send) {
    absl::SleepFor(absl::Milliseconds(200));
    send(HttpRedirect("/again"));
  });
  FetchPolicy policy = Allowing(server);
  policy.timeout = absl::Milliseconds(500);
  policy.max_redirects = 1000;
  EXPECT_EQ(Fault(Fetch(UrlFetcher(policy), server.Url("/"))), "fetch_timeout");
}

TEST(UrlFetcherTest, ALookUpThatDoesNotReturnIsBoundedToo) {
  const UrlFetcher fetcher(
      {.allowed_hosts = {"*"}, .timeout = absl::Milliseconds(100)},
      [](const std::string&, const FetchLimits& limits) -> absl::StatusOr<std::vector<Address>> {
        while (limits.StillWanted().ok()) absl::SleepFor(absl::Milliseconds(5));
        return limits.StillWanted();
      });
  EXPECT_EQ(Fault(Fetch(fetcher, "http://example.org/")), "fetch_timeout");
}

TEST(UrlFetcherTest, AFetchEndsWhenNobodyWaits) {
  absl::Notification begun;
  const ScriptServer server([&](const std::string&, const SendFunction& send) {
    begun.Notify();
    while (send("")) absl::SleepFor(absl::Milliseconds(10));
  });
  const UrlFetcher fetcher(Allowing(server));
  const FetchLimits limits = {.stopped = [&] { return begun.HasBeenNotified(); }};
  EXPECT_THAT(fetcher.Fetch({.url = server.Url("/")}, limits),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(UrlFetcherTest, EncodedContentIsRefusedUnopened) {
  const ScriptServer server(Says(HttpOk("\x1f\x8b", "Content-Encoding: gzip\r\n")));
  const auto reply = Fetch(UrlFetcher(Allowing(server)), server.Url("/"));
  EXPECT_THAT(reply, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Fault(reply), "fetch_failed");
}

TEST(UrlFetcherTest, RepliesThatWillNotDoSaySo) {
  struct Case {
    const char* reply;
    absl::StatusCode code;
  };
  for (const auto& [reply, code] : std::vector<Case>{
           {"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone",
            absl::StatusCode::kInvalidArgument},
           {"HTTP/1.1 204 No Content\r\n\r\n", absl::StatusCode::kInvalidArgument},
           {"HTTP/1.1 206 Partial\r\nContent-Length: 1\r\n\r\na",
            absl::StatusCode::kInvalidArgument},
           {"HTTP/1.1 304 Not Modified\r\n\r\n", absl::StatusCode::kInvalidArgument},
           {"HTTP/1.1 302 Found\r\n\r\n", absl::StatusCode::kInvalidArgument},
           {"nonsense\r\n\r\n", absl::StatusCode::kInvalidArgument},
           {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", absl::StatusCode::kUnavailable},
           {"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", absl::StatusCode::kUnavailable},
           {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", absl::StatusCode::kUnavailable},
           {"", absl::StatusCode::kUnavailable}}) {
    const ScriptServer server(Says(reply));
    const auto fetched = Fetch(UrlFetcher(Allowing(server)), server.Url("/"));
    EXPECT_THAT(fetched, StatusIs(code)) << reply;
    EXPECT_EQ(Fault(fetched), "fetch_failed") << reply;
  }
}

TEST(UrlFetcherTest, EndlessHeadersAreRefused) {
  const ScriptServer server([](const std::string&, const SendFunction& send) {
    send("HTTP/1.1 200 OK\r\n");
    while (send("X-Padding: 0123456789012345678901234567890123456789\r\n")) continue;
  });
  EXPECT_EQ(Fault(Fetch(UrlFetcher(Allowing(server)), server.Url("/"))), "fetch_failed");
}

TEST(UrlFetcherTest, AClosedPortIsAPassingFailure) {
  int port = 0;
  {
    port = ScriptServer(Says("")).port();
  }
  FetchPolicy policy = {.allowed_hosts = {"*"}, .ports = {port}};
  ASSERT_THAT(ReadPrivate("127.0.0.1", policy), IsOk());
  const auto reply = Fetch(UrlFetcher(policy), absl::StrCat("http://127.0.0.1:", port, "/"));
  EXPECT_THAT(reply, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(Fault(reply), "fetch_failed");
}

TEST(UrlFetcherTest, UnchangedContentIsNotSentAgain) {
  const ScriptServer server([](const std::string& request, const SendFunction& send) {
    send(absl::StrContains(request, "If-None-Match: \"v1\"\r\n")
             ? std::string("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n")
             : HttpOk("hello", "ETag: \"v1\"\r\n"));
  });
  const UrlFetcher fetcher(Allowing(server));
  ASSERT_OK_AND_ASSIGN(const FetchReply first, Fetch(fetcher, server.Url("/")));
  EXPECT_FALSE(first.not_modified);
  ASSERT_OK_AND_ASSIGN(const FetchReply second,
                       fetcher.Fetch({.url = server.Url("/"), .known = first.validators}, {}));
  EXPECT_TRUE(second.not_modified);
  EXPECT_THAT(second.bytes, IsEmpty());
}

TEST(UrlFetcherTest, WhereAUrlRedirectsItsContentIsFetchedAnew) {
  std::string target = "/one";
  const ScriptServer server([&](const std::string& request, const SendFunction& send) {
    if (absl::StartsWith(request, "GET /latest ")) return send(HttpRedirect(target));
    return send(
        absl::StrContains(request, "If-None-Match") || absl::StrContains(request, "If-Modified")
            ? std::string("HTTP/1.1 304 Not Modified\r\n\r\n")
            : HttpOk(absl::StrContains(request, "/one") ? "one" : "two", "ETag: \"v1\"\r\n"));
  });
  const UrlFetcher fetcher(Allowing(server));
  ASSERT_OK_AND_ASSIGN(const FetchReply first, Fetch(fetcher, server.Url("/latest")));
  EXPECT_EQ(first.bytes, "one");
  EXPECT_TRUE(first.validators.empty());  // they are of another URL
  target = "/two";
  ASSERT_OK_AND_ASSIGN(
      const FetchReply second,
      fetcher.Fetch(
          {.url = server.Url("/latest"), .known = {.etag = "\"v1\"", .last_modified = ""}}, {}));
  EXPECT_FALSE(second.not_modified);
  EXPECT_EQ(second.bytes, "two");
}

TEST(UrlFetcherTest, NoProxyOfTheEnvironmentIsUsed) {
  const ScriptServer proxy(Says(HttpOk("by proxy")));
  const ScriptServer server(Says(HttpOk("straight")));
  setenv("http_proxy", proxy.Url("").c_str(), 1);
  setenv("ALL_PROXY", proxy.Url("").c_str(), 1);
  const auto reply = Fetch(UrlFetcher(Allowing(server), Answers({{"127.0.0.1"}})),
                           server.Url("/", "photos.example"));
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->bytes, "straight");
  EXPECT_EQ(proxy.connections(), 0);
}

TEST(UrlFetcherTest, NoMoreRunAtOnceThanThePolicySays) {
  absl::Notification release;
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  const ScriptServer server([&](const std::string&, const SendFunction& send) {
    int running = ++now;
    for (int seen = most; seen < running && !most.compare_exchange_weak(seen, running);) continue;
    if (running == 2) release.Notify();
    release.WaitForNotification();
    --now;
    send(HttpOk("x"));
  });
  FetchPolicy policy = Allowing(server);
  policy.concurrent = 2;
  const UrlFetcher fetcher(policy);
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] { good += Fetch(fetcher, server.Url("/")).ok(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 2);
  EXPECT_EQ(most, 2);
}

TEST(UrlFetcherTest, TheOneTooManyWaitsAndIsToldToComeBack) {
  absl::Notification begun;
  absl::Notification release;
  const ScriptServer server([&](const std::string&, const SendFunction& send) {
    begun.Notify();
    release.WaitForNotification();
    send(HttpOk("x"));
  });
  FetchPolicy policy = Allowing(server);
  policy.concurrent = 1;
  const UrlFetcher fetcher(policy);
  std::thread first([&] { EXPECT_THAT(Fetch(fetcher, server.Url("/")), IsOk()); });
  begun.WaitForNotification();
  EXPECT_THAT(
      fetcher.Fetch({.url = server.Url("/")}, {.deadline = absl::Now() + absl::Milliseconds(100)}),
      StatusIs(absl::StatusCode::kResourceExhausted));
  release.Notify();
  first.join();
  EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace sightline::fetch
