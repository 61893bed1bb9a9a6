#include "services/gateway/request_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::gateway {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using Headers = std::vector<std::pair<std::string, std::string>>;

absl::StatusOr<Head> Read(const std::string& method, const std::string& target, Headers headers,
                          int version = 11, HttpOptions options = {}) {
  RawHead raw;
  raw.method = method;
  raw.target = target;
  raw.version = version;
  raw.headers = std::move(headers);
  return ReadHead(raw, options, /*only_local_names=*/true);
}

TEST(ReadHeadTest, TakesARequestApart) {
  ASSERT_OK_AND_ASSIGN(const Head head, Read("HEAD", "/v1/jobs?page_size=2",
                                             {{"Host", "localhost:80"},
                                              {"Accept", "text/html, text/event-stream;q=0.5"},
                                              {"Content-Length", "12"},
                                              {"Authorization", "Bearer k"}}));
  EXPECT_TRUE(head.is_head);
  EXPECT_TRUE(head.has_body);
  EXPECT_EQ(head.request.method, "GET");
  EXPECT_EQ(head.request.content_length, 12);
  EXPECT_EQ(head.request.authorization, "Bearer k");
  EXPECT_TRUE(head.request.wants_events);
  EXPECT_FALSE(head.request.wants_png);
}

TEST(ReadHeadTest, SeesWhereAcceptNamesAPng) {
  const auto wants = [](const std::string& accept) {
    return Read("GET", "/", {{"Host", "localhost"}, {"Accept", accept}})->request.wants_png;
  };
  EXPECT_TRUE(wants("image/png"));
  EXPECT_TRUE(wants("image/avif, image/*;q=0.8, */*;q=0.5"));
  EXPECT_FALSE(wants("*/*"));
  EXPECT_FALSE(wants("image/png;q=0, application/json"));
}

TEST(ReadHeadTest, RefusesWhatTwoServersCouldReadInTwoWays) {
  const Headers host = {{"Host", "localhost"}};
  const auto with = [&](Headers more) {
    more.insert(more.begin(), host.begin(), host.end());
    return more;
  };
  EXPECT_THAT(Read("GET", "/", host), IsOk());
  for (const Headers& bad : {
           with({{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}),
           with({{"Content-Length", "5"}, {"Content-Length", "5"}}),
           with({{"Content-Length", "+5"}}),
           with({{"Content-Length", "5, 5"}}),
           with({{"Content-Length", ""}}),
           with({{"Content-Length", "99999999999999999999"}}),
           with({{"Transfer-Encoding", "gzip, chunked"}}),
           with({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}),
           with({{"Transfer-Encoding", "identity"}}),
           with({{"Host", "localhost"}}),
           Headers{},
           Headers{{"Host", "local host"}},
           Headers{{"Host", "a@localhost"}},
           with({{"Content-Type", "a"}, {"Content-Type", "b"}}),
           with({{"Expect", "magic"}}),
       }) {
    EXPECT_THAT(Read("POST", "/", bad), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(Read("POST", "/", {{"Transfer-Encoding", "chunked"}}, 10),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read("GET", "http://localhost/", host), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ReadHeadTest, AnswersOnlyUnderItsOwnNames) {
  EXPECT_THAT(Read("GET", "/", {{"Host", "evil.example"}}),
              StatusIs(absl::StatusCode::kPermissionDenied));
  HttpOptions options;
  options.allowed_hosts = {"search.example"};
  EXPECT_THAT(Read("GET", "/", {{"Host", "search.example"}}, 11, options), IsOk());
  EXPECT_THAT(Read("GET", "/", {{"Host", "localhost"}}, 11, options),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(ReadHeadTest, AChangeComesFromItsOwnPageOrFromNone) {
  const auto from = [](const char* origin) {
    return Read("POST", "/v1/collections", {{"Host", "localhost:8080"}, {"Origin", origin}});
  };
  EXPECT_THAT(from("http://localhost:8080"), IsOk());
  EXPECT_THAT(from("http://evil.example"), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(from("http://localhost:9"), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(from("null"), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(ReadHeadTest, ATimeoutIsSecondsAndIsCut) {
  HttpOptions options;
  options.max_timeout = absl::Seconds(10);
  const auto left = [&](const std::string& target, Headers headers) {
    headers.emplace_back("Host", "localhost");
    const auto head = Read("GET", target, headers, 11, options);
    return head.ok() ? head->request.deadline - absl::Now() : -absl::InfiniteDuration();
  };
  EXPECT_LE(left("/", {}), absl::Seconds(10));
  EXPECT_LE(left("/?timeout=0.5", {}), absl::Milliseconds(500));
  EXPECT_LE(left("/", {{"X-Request-Timeout", "2"}}), absl::Seconds(2));
  EXPECT_LE(left("/?timeout=1e9", {}), absl::Seconds(10));
  for (const char* bad : {"/?timeout=0", "/?timeout=-1", "/?timeout=nan", "/?timeout=soon"}) {
    EXPECT_EQ(left(bad, {}), -absl::InfiniteDuration()) << bad;
  }
}

TEST(ReadHeadTest, RefusesCompressedBodies) {
  EXPECT_THAT(Read("POST", "/", {{"Host", "localhost"}, {"Content-Encoding", "gzip"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace sightline::gateway
