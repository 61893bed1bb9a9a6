// What the client makes of servers that fail or are not there.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/time/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "client/client.h"
#include "tests/cli/fake_server.h"
#include "tests/support/status_matchers.h"

namespace sightline::client {
namespace {

using ::sightline::testing::FakeServer;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;

// Refuses the first `refusals` calls as a server does that is going down, and counts all of them.
class RefusingCollections final : public v1::CollectionService::Service {
 public:
  grpc::Status ListCollections(grpc::ServerContext* context, const v1::ListCollectionsRequest*,
                               v1::ListCollectionsResponse*) override {
    const auto key = context->client_metadata().find("authorization");
    if (key != context->client_metadata().end()) {
      authorization = std::string(key->second.data(), key->second.size());
    }
    return Refuse();
  }
  grpc::Status CreateCollection(grpc::ServerContext*, const v1::CreateCollectionRequest*,
                                v1::CreateCollectionResponse*) override {
    return Refuse();
  }

  std::atomic<int> refusals{0};
  std::atomic<int> calls{0};
  std::string authorization;  // of the last list; read it after the call

 private:
  grpc::Status Refuse() {
    if (++calls > refusals) return grpc::Status::OK;
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
  }
};

// Breaks the first answer, before its first event or, for the question "middle", after it.
class BreakingQueries final : public v1::QueryService::Service {
 public:
  grpc::Status SearchAndAnswer(grpc::ServerContext*, const v1::SearchAndAnswerRequest* request,
                               grpc::ServerWriter<v1::AnswerEvent>* writer) override {
    const bool first = ++calls == 1;
    v1::AnswerEvent event;
    event.mutable_delta()->set_text("a");
    if (!first || request->search().query(0).text() == "middle") writer->Write(event);
    if (first) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
    event.mutable_done()->set_answer("a");
    writer->Write(event);
    return grpc::Status::OK;
  }

  std::atomic<int> calls{0};
};

class RefusingServer {
 public:
  explicit RefusingServer(const std::shared_ptr<grpc::ServerCredentials>& credentials =
                              grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("localhost:0", credentials, &port_);
    builder.RegisterService(&collections);
    builder.RegisterService(&queries);
    server_ = builder.BuildAndStart();
  }
  std::string address() const { return "localhost:" + std::to_string(port_); }
  RefusingCollections collections;
  BreakingQueries queries;

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

ClientOptions Options(const std::string& address) {
  ClientOptions options;
  options.address = address;
  options.first_backoff = absl::Milliseconds(1);
  return options;
}

v1::DocumentHeader Header(const std::string& source) {
  v1::DocumentHeader header;
  header.set_collection("c");
  header.set_source(source);
  return header;
}

TEST(RetryTest, ACallThatIsSafeToRepeatIsRepeated) {
  RefusingServer server;
  server.collections.refusals = 3;
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(Options(server.address())));
  EXPECT_THAT(client->ListCollections(), IsOk());
  EXPECT_EQ(server.collections.calls, 4);
}

TEST(RetryTest, AttemptsAreBounded) {
  RefusingServer server;
  server.collections.refusals = 100;
  ClientOptions options = Options(server.address());
  options.max_attempts = 3;
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(options));
  EXPECT_THAT(client->ListCollections(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(server.collections.calls, 3);
}

TEST(RetryTest, ACallThatIsNotSafeToRepeatIsMadeOnce) {
  RefusingServer server;
  server.collections.refusals = 1;
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(Options(server.address())));
  EXPECT_THAT(client->CreateCollection("c"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(server.collections.calls, 1);
}

TEST(RetryTest, ADeadlineBeforeTheNextAttemptEndsTheCallWithTheServersFailure) {
  RefusingServer server;
  server.collections.refusals = 100;
  ClientOptions options = Options(server.address());
  options.first_backoff = absl::Hours(1);
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(options));
  EXPECT_THAT(client->ListCollections({.deadline = absl::Now() + absl::Minutes(10)}),
              StatusIs(absl::StatusCode::kUnavailable, "going down"));
  EXPECT_EQ(server.collections.calls, 1);
}

TEST(RetryTest, CancellingEndsTheWaitForTheNextAttempt) {
  RefusingServer server;
  server.collections.refusals = 100;
  ClientOptions options = Options(server.address());
  options.first_backoff = absl::Hours(1);
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(options));
  Cancellation cancellation;
  std::thread canceller([&] {
    while (server.collections.calls == 0) absl::SleepFor(absl::Milliseconds(1));
    cancellation.Cancel();
  });
  EXPECT_THAT(client->ListCollections({.cancellation = &cancellation}),
              StatusIs(absl::StatusCode::kCancelled));
  canceller.join();
}

TEST(RetryTest, AnAnswerIsRepeatedUntilItHasBegun) {
  RefusingServer server;
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(Options(server.address())));
  v1::SearchAndAnswerRequest request;
  *request.mutable_search()->add_query() = TextPart("middle");
  std::string told;
  const auto tell = [&](absl::string_view text) { told += std::string(text); };
  EXPECT_THAT(client->StreamAnswer(request, {.delta = tell}),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(server.queries.calls, 1);
  EXPECT_EQ(told, "a");
  server.queries.calls = 0;
  *request.mutable_search()->mutable_query(0) = TextPart("first");
  told.clear();
  EXPECT_THAT(client->StreamAnswer(request, {.delta = tell}), IsOk());
  EXPECT_EQ(server.queries.calls, 2);
  EXPECT_EQ(told, "a");
}

TEST(RetryTest, IngestIsRepeatedAfterABrokenStreamAndWhenTheServerWasBusy) {
  FakeServer server("127.0.0.1:0");
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(Options(server.address())));
  ASSERT_OK_AND_ASSIGN(const auto folder, TempDir::Create());
  std::string bytes(5 << 19, 'x');  // three chunks
  bytes.back() = 'y';
  const std::string path = folder->path() + "/drop";
  ASSERT_THAT(WriteFileAtomic(path, bytes), IsOk());
  EXPECT_THAT(client->IngestFile(path, Header("drop")), IsOk());
  EXPECT_THAT(client->IngestBytes(bytes, Header("busy")), IsOk());
  EXPECT_THAT(client->IngestBytes("", Header("empty")), IsOk());
  const auto stored = server.ingest.stored();
  EXPECT_EQ(stored.at("drop").bytes, bytes);
  EXPECT_EQ(stored.at("busy").bytes, bytes);
  EXPECT_EQ(stored.at("empty").bytes, "");
  EXPECT_EQ(server.ingest.arrivals("busy"), 2);
}

TEST(RetryTest, ForcedIngestIsMadeOnce) {
  FakeServer server("127.0.0.1:0");
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(Options(server.address())));
  v1::DocumentHeader header = Header("drop");
  header.set_force(true);
  EXPECT_THAT(client->IngestBytes("x", header), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(server.ingest.arrivals("drop"), 1);
}

TEST(ConnectTest, TheKeyGoesWithEveryCallAndNothingThatHeadersCannotCarry) {
  RefusingServer server;
  ClientOptions options = Options(server.address());
  options.api_key = "k-1";
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(options));
  EXPECT_THAT(client->ListCollections(), IsOk());
  EXPECT_EQ(server.collections.authorization, "Bearer k-1");
  options.api_key = "k-1\n";
  EXPECT_THAT(Client::Connect(options), StatusIs(absl::StatusCode::kInvalidArgument));
}

// Writes NAME.key and NAME.pem, a certificate of localhost that stands for itself.
void MakeCertificate(const std::string& name) {
  ASSERT_OK_AND_ASSIGN(
      const auto openssl,
      Process::Start({.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                               "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                               "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                               "-keyout", name + ".key", "-out", name + ".pem"},
                      .err = ChildStream::kNull}));
  ASSERT_OK_AND_ASSIGN(const ExitStatus exit, openssl->Wait());
  ASSERT_TRUE(exit.ok()) << Describe(exit);
}

TEST(ConnectTest, OnlyAServerWhoseCertificateIsTrustedIsSpokenTo) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TempDir::Create());
  const std::string trusted = folder->path() + "/trusted";
  const std::string other = folder->path() + "/other";
  MakeCertificate(trusted);
  MakeCertificate(other);
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back(
      {ReadFile(trusted + ".key").value(), ReadFile(trusted + ".pem").value()});
  RefusingServer server(grpc::SslServerCredentials(tls));
  ClientOptions options = Options(server.address());
  options.tls = true;
  options.tls_root_file = trusted + ".pem";
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(options));
  EXPECT_THAT(client->ListCollections(), IsOk());
  options.tls_root_file = other + ".pem";
  options.connect_timeout = absl::Seconds(1);
  EXPECT_THAT(Client::Connect(options), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(ConnectTest, SaysWhenNothingAnswersOrTheCertificatesAreMissing) {
  ClientOptions options = Options("127.0.0.1:1");
  options.connect_timeout = absl::Milliseconds(300);
  EXPECT_THAT(Client::Connect(options), StatusIs(absl::StatusCode::kUnavailable));
  options.tls_root_file = "/no/such/roots.pem";
  EXPECT_THAT(Client::Connect(options), StatusIs(absl::StatusCode::kInvalidArgument));
  options.tls = true;
  EXPECT_THAT(Client::Connect(options), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace sightline::client
