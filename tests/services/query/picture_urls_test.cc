#include "services/query/picture_urls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "services/edge/error_details.h"
#include "services/query/content.h"
#include "tests/services/fetch/script_server.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::HttpOk;
using ::sightline::testing::IsOk;
using ::sightline::testing::ScriptServer;
using ::sightline::testing::SendFunction;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class PictureUrlsTest : public ::testing::Test {
 protected:
  // Gives the path as content; /gone is not there.
  PictureUrlsTest()
      : server_([](const std::string& request, const SendFunction& send) {
          const std::string path = request.substr(4, request.find(' ', 4) - 4);
          send(absl::StartsWith(path, "/gone") ? "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"
                                               : HttpOk(path));
        }),
        fetcher_(Policy(server_)) {}

  static fetch::FetchPolicy Policy(const ScriptServer& server) {
    fetch::FetchPolicy policy = {.allowed_hosts = {"*"}, .ports = {server.port()}};
    EXPECT_THAT(fetch::ReadPrivate("127.0.0.1", policy), IsOk());
    return policy;
  }
  void Add(const std::string& path) { parts_.Add()->set_image_uri(server_.Url(path)); }
  absl::StatusOr<FetchedPictures> Fetch(const edge::CallLimits& call = {}) {
    const NamedParts lists[] = {{parts_, "query"}, {more_, "more"}};
    return FetchPictures(lists, limits_, &fetcher_, call);
  }

  ScriptServer server_;
  fetch::UrlFetcher fetcher_;
  ContentLimits limits_;
  google::protobuf::RepeatedPtrField<v1::Content> parts_;
  google::protobuf::RepeatedPtrField<v1::Content> more_;
};

TEST_F(PictureUrlsTest, EveryUrlIsFetchedOnceAndOtherPartsAreLeftAlone) {
  parts_.Add()->set_text("http://127.0.0.1/text");
  parts_.Add()->set_image("bytes");
  parts_.Add()->set_image_uri("data:image/png;base64,QUJD");
  parts_.Add()->set_image_uri("file:///a.png");
  Add("/a");
  Add("/b");
  more_.Add()->set_image_uri(server_.Url("/a"));
  ASSERT_OK_AND_ASSIGN(const FetchedPictures fetched, Fetch());
  EXPECT_THAT(fetched, ElementsAre(Pair(server_.Url("/a"), "/a"), Pair(server_.Url("/b"), "/b")));
  EXPECT_EQ(server_.connections(), 2);
}

TEST_F(PictureUrlsTest, TheyAreFetchedAllAtOnce) {
  std::atomic<int> left = 3;
  absl::Notification all;  // each reply waits for the others' requests
  const ScriptServer server([&](const std::string&, const SendFunction& send) {
    if (--left == 0) all.Notify();
    if (all.WaitForNotificationWithTimeout(absl::Seconds(20))) send(HttpOk("x"));
  });
  const fetch::UrlFetcher fetcher(Policy(server));
  for (const char* path : {"/1", "/2", "/3"}) parts_.Add()->set_image_uri(server.Url(path));
  const NamedParts list = {parts_, "query"};
  EXPECT_THAT(FetchPictures({&list, 1}, limits_, &fetcher, {}), IsOk());
}

TEST_F(PictureUrlsTest, AFailureNamesItsPart) {
  Add("/a");
  Add("/gone?secret=1");
  const auto fetched = Fetch();
  EXPECT_THAT(fetched, StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("query[1].image_uri: " + server_.Url("/gone") +
                                          ": the server answered 404")));
  EXPECT_EQ(edge::Reason(fetched.status()), "fetch_failed");
  EXPECT_EQ(edge::Fields(fetched.status())[0].field, "query[1].image_uri");
}

TEST_F(PictureUrlsTest, TooManyAreRefusedBeforeAnyIsFetched) {
  limits_.max_pictures = 2;
  for (const char* path : {"/1", "/2", "/3"}) Add(path);
  EXPECT_EQ(edge::Reason(Fetch().status()), "too_many_pictures");
  limits_.max_pictures = 3;
  limits_.max_urls = 2;
  EXPECT_EQ(edge::Reason(Fetch().status()), "too_many_urls");
  EXPECT_EQ(server_.connections(), 0);
  limits_.max_urls = 3;
  EXPECT_THAT(Fetch(), IsOk());
}

TEST_F(PictureUrlsTest, ALargePictureIsRefused) {
  Add("/12345");
  limits_.max_picture_bytes = 5;
  EXPECT_EQ(edge::Reason(Fetch().status()), "too_large");
  limits_.max_picture_bytes = 6;
  EXPECT_THAT(Fetch(), IsOk());
}

TEST_F(PictureUrlsTest, NothingIsFetchedForACallThatEnded) {
  Add("/a");
  edge::CallLimits call;
  call.cancel = std::make_shared<absl::Notification>();
  call.cancel->Notify();
  EXPECT_THAT(Fetch(call), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(PictureUrlsTest, WithoutAFetcherThePartIsRefusedWhenItIsRead) {
  Add("/a");
  const NamedParts list = {parts_, "query"};
  ASSERT_OK_AND_ASSIGN(const FetchedPictures fetched,
                       FetchPictures({&list, 1}, limits_, nullptr, {}));
  EXPECT_THAT(fetched, IsEmpty());
  const auto decode = [](absl::string_view, absl::Time) -> absl::StatusOr<ImagePtr> {
    return std::make_shared<Image>(Image{1, 1, 1, {0}});
  };
  const auto content =
      ReadContent(parts_, "query", limits_, decode, absl::InfiniteFuture(), fetched);
  EXPECT_EQ(edge::Reason(content.status()), "url_not_allowed");
  EXPECT_EQ(server_.connections(), 0);
  ASSERT_OK_AND_ASSIGN(const FetchedPictures now, Fetch());
  ASSERT_OK_AND_ASSIGN(const QueryContent read,
                       ReadContent(parts_, "query", limits_, decode, absl::InfiniteFuture(), now));
  EXPECT_THAT(read.images, SizeIs(1));
}

}  // namespace
}  // namespace sightline::query
