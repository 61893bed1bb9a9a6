#include "services/ingest/uri_fetches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "services/edge/error_details.h"
#include "tests/services/fetch/script_server.h"
#include "tests/services/ingest/service_fixture.h"

namespace sightline::services {
namespace {

using sightline::testing::HttpOk;
using sightline::testing::IsOk;
using sightline::testing::ScriptServer;
using sightline::testing::SendFunction;
using sightline::testing::ServiceFixture;
using ::testing::HasSubstr;

fetch::FetchPolicy Allowing(const ScriptServer& server) {
  fetch::FetchPolicy policy = {.allowed_hosts = {"*"}, .ports = {server.port()}};
  EXPECT_THAT(fetch::ReadPrivate("127.0.0.1", policy), IsOk());
  return policy;
}

v1::DocumentHeader Named(const std::string& uri) {
  v1::DocumentHeader header;
  header.set_collection("c");
  header.set_uri(uri);
  return header;
}

fetch::Validators KnowsNothing(const v1::DocumentHeader&) { return {}; }

// What one URL comes to.
absl::StatusOr<fetch::FetchReply> FetchOne(const ScriptServer& server, int attempts = 3) {
  const fetch::UrlFetcher fetcher(Allowing(server));
  absl::StatusOr<fetch::FetchReply> out;
  absl::Notification done;
  UriFetches fetches(
      {.attempts = attempts, .first_backoff = absl::Milliseconds(1)}, fetcher, KnowsNothing,
      [&](int64_t, const v1::DocumentHeader&, absl::StatusOr<fetch::FetchReply> reply) {
        out = std::move(reply);
        done.Notify();
      });
  fetches.Add(1, Named(server.Url("/")));
  done.WaitForNotification();
  return out;
}

TEST(UriFetchesTest, PassingFailuresAreTriedAgain) {
  std::atomic<int> calls = 0;
  const ScriptServer server([&](const std::string&, const SendFunction& send) {
    send(++calls < 3 ? "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" : HttpOk("third"));
  });
  ASSERT_OK_AND_ASSIGN(const fetch::FetchReply reply, FetchOne(server));
  EXPECT_EQ(reply.bytes, "third");
  calls = 0;
  EXPECT_EQ(edge::Reason(FetchOne(server, 2).status()), "fetch_failed");
  EXPECT_EQ(calls, 2);
}

TEST(UriFetchesTest, LastingFailuresAreNot) {
  const ScriptServer server([](const std::string&, const SendFunction& send) {
    send("HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_EQ(edge::Reason(FetchOne(server).status()), "fetch_failed");
  EXPECT_EQ(server.connections(), 1);
}

TEST(UriFetchesTest, TheEndStopsWhatRunsAndDropsWhatWaits) {
  absl::Notification begun;
  std::atomic<int> told = 0;
  const ScriptServer server([&](const std::string&, const SendFunction& send) {
    if (!begun.HasBeenNotified()) begun.Notify();
    while (send("")) absl::SleepFor(absl::Milliseconds(10));
  });
  const fetch::UrlFetcher fetcher([&] {
    fetch::FetchPolicy policy = Allowing(server);
    policy.concurrent = 1;  // one runs, the others wait for their turn or for a thread
    return policy;
  }());
  {
    UriFetches fetches({}, fetcher, KnowsNothing,
                       [&](int64_t, const v1::DocumentHeader&,
                           const absl::StatusOr<fetch::FetchReply>&) { ++told; });
    for (int i = 0; i < 9; ++i) fetches.Add(i, Named(server.Url("/")));
    begun.WaitForNotification();
  }
  EXPECT_EQ(told, 0);
  EXPECT_EQ(server.connections(), 1);
}

class UriIngestTest : public ServiceFixture {
 protected:
  void Begin(const ScriptServer& server) {
    fetch::FetchPolicy policy = Allowing(server);
    policy.max_bytes = 1 << 20;
    fetcher_.emplace(policy);
    Serve(&*fetcher_);
    ASSERT_THAT(CreateCollection("c"), IsOk());
  }

  // How each of `headers` ended, all over one stream.
  std::vector<v1::IngestFinished> Ingest(const std::vector<v1::DocumentHeader>& headers) {
    grpc::ClientContext context;
    const auto stream = ingest_->IngestDocuments(&context);
    for (size_t i = 0; i < headers.size(); ++i) {
      v1::IngestRequest request;
      request.set_tag(static_cast<int64_t>(i));
      *request.mutable_header() = headers[i];
      EXPECT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
    std::vector<v1::IngestFinished> out(headers.size());
    v1::IngestStatus status;
    while (stream->Read(&status)) {
      if (status.has_finished()) out[static_cast<size_t>(status.tag())] = status.finished();
    }
    EXPECT_TRUE(stream->Finish().ok());
    return out;
  }

  std::optional<fetch::UrlFetcher> fetcher_;
};

TEST_F(UriIngestTest, APageIsFetchedKeptUnderItsUrlAndFoundUnchangedLater) {
  const ScriptServer server([](const std::string&, const SendFunction& send) {
    // The type is a lie: the content decides.
    send(HttpOk("<!DOCTYPE html><title>Birds</title><p>A heron by the river.</p>",
                "Content-Type: image/png\r\n"));
  });
  Begin(server);
  const std::string url = server.Url("/birds?page=1");
  auto done = Ingest({Named(url)});
  EXPECT_EQ(done[0].outcome(), v1::INGEST_OUTCOME_INDEXED) << done[0].DebugString();
  EXPECT_EQ(done[0].document().source(), url);
  EXPECT_EQ(done[0].document().media_type(), "text/html");
  EXPECT_EQ(done[0].document().document_id(), ingest::DocumentIdFor(url));
  done = Ingest({Named(url)});
  EXPECT_EQ(done[0].outcome(), v1::INGEST_OUTCOME_UNCHANGED);
}

TEST_F(UriIngestTest, AnUnchangedDocumentIsAskedForAndNotSentAgain) {
  std::atomic<int> version = 1;
  std::atomic<int> sent = 0;
  const ScriptServer server([&](const std::string& request, const SendFunction& send) {
    const std::string etag = absl::StrCat("\"", version.load(), "\"");
    if (absl::StrContains(request, absl::StrCat("If-None-Match: ", etag, "\r\n"))) {
      send("HTTP/1.1 304 Not Modified\r\n\r\n");
      return;
    }
    ++sent;
    send(HttpOk(absl::StrCat("A text of version ", version.load()),
                absl::StrCat("ETag: ", etag, "\r\n")));
  });
  Begin(server);
  v1::DocumentHeader header = Named(server.Url("/"));
  const auto outcome = [&] {
    // A job is told to be finished a moment before it is; until then the document is not settled.
    while (ingestor_->counters().running > 0) absl::SleepFor(absl::Milliseconds(1));
    return Ingest({header})[0].outcome();
  };
  EXPECT_EQ(outcome(), v1::INGEST_OUTCOME_INDEXED);
  EXPECT_EQ(outcome(), v1::INGEST_OUTCOME_UNCHANGED);
  EXPECT_EQ(sent, 1);
  version = 2;
  EXPECT_EQ(outcome(), v1::INGEST_OUTCOME_INDEXED);
  EXPECT_EQ(outcome(), v1::INGEST_OUTCOME_UNCHANGED);
  EXPECT_EQ(sent, 2);
  // What changes the passages needs the bytes.
  (*header.mutable_metadata()->mutable_fields())["year"].set_number_value(1999);
  EXPECT_EQ(outcome(), v1::INGEST_OUTCOME_INDEXED);
  EXPECT_EQ(outcome(), v1::INGEST_OUTCOME_UNCHANGED);
  EXPECT_EQ(sent, 3);
  header.set_force(true);
  EXPECT_EQ(outcome(), v1::INGEST_OUTCOME_INDEXED);
  EXPECT_EQ(sent, 4);
}

TEST_F(UriIngestTest, EveryUrlOfAStreamEndsOnItsOwn) {
  const ScriptServer server([](const std::string& request, const SendFunction& send) {
    if (absl::StrContains(request, " /gone ")) {
      send("HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n");
    } else if (absl::StrContains(request, " /large ")) {
      send(HttpOk(std::string(2 << 20, 'x')));
    } else {
      send(HttpOk("A text about " + request.substr(0, 20)));
    }
  });
  Begin(server);
  v1::DocumentHeader named = Named(server.Url("/named"));
  named.set_source("my name");
  std::vector<v1::DocumentHeader> headers = {
      Named(server.Url("/gone")), Named(server.Url("/large")), named,
      Named("http://169.254.169.254/latest/meta-data/"), Named("ftp://127.0.0.1/")};
  for (int i = 0; i < 20; ++i) headers.push_back(Named(server.Url(absl::StrCat("/", i))));
  const auto done = Ingest(headers);
  EXPECT_EQ(done[0].failures(0).reason(), "fetch_failed");
  EXPECT_THAT(done[0].failures(0).message(), HasSubstr("uri: the server answered 404"));
  EXPECT_EQ(done[1].failures(0).reason(), "too_large");
  EXPECT_EQ(done[2].document().source(), "my name");
  EXPECT_EQ(done[3].failures(0).reason(), "url_not_allowed");
  EXPECT_EQ(done[4].failures(0).reason(), "url_not_allowed");
  for (size_t i = 5; i < done.size(); ++i) {
    EXPECT_EQ(done[i].outcome(), v1::INGEST_OUTCOME_INDEXED) << i;
  }
}

TEST_F(UriIngestTest, AClientThatGoesEndsTheFetch) {
  absl::Notification begun;
  absl::Notification left;
  const ScriptServer server([&](const std::string&, const SendFunction& send) {
    send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    begun.Notify();
    while (send("x")) absl::SleepFor(absl::Milliseconds(10));
    left.Notify();
  });
  Begin(server);
  grpc::ClientContext context;
  const auto stream = ingest_->IngestDocuments(&context);
  v1::IngestRequest request;
  *request.mutable_header() = Named(server.Url("/"));
  ASSERT_TRUE(stream->Write(request));
  begun.WaitForNotification();
  context.TryCancel();
  left.WaitForNotification();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace sightline::services
