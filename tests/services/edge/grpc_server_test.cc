#include "services/edge/grpc_server.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "services/edge/call_scope.h"
#include "services/edge/grpc_status.h"
#include "services/edge/request_log.h"
#include "sightline/v1/model.grpc.pb.h"
#include "tests/support/status_matchers.h"

namespace sightline::edge {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

// GetModel answers at once; Embed waits until its client is gone or the deadline passes.
class WaitingService : public v1::ModelService::Service {
 public:
  explicit WaitingService(CancelWatcher& watcher) : watcher_(watcher) {}

  grpc::Status GetModel(grpc::ServerContext* context, const v1::GetModelRequest*,
                        v1::GetModelResponse* response) override {
    CallScope scope(watcher_, *context);
    response->add_warnings("here");
    ReportStages(*context, {{"encode", 1.5}});
    return scope.Finish(absl::OkStatus());
  }

  grpc::Status Embed(grpc::ServerContext* context, const v1::EmbedRequest*,
                     v1::EmbedResponse*) override {
    CallScope scope(watcher_, *context);
    started.Notify();
    const bool told = scope.limits().cancel->WaitForNotificationWithTimeout(absl::Seconds(30));
    cancelled.Notify();
    return scope.Finish(told ? absl::CancelledError("stopped") : absl::InternalError("not told"));
  }

  absl::Notification started;
  absl::Notification cancelled;

 private:
  CancelWatcher& watcher_;
};

class GrpcServerTest : public ::testing::Test {
 protected:
  void Start(GrpcOptions options = {.address = "127.0.0.1:0"}) {
    auto server =
        GrpcServer::Start(options, {{v1::ModelService::service_full_name(), &service_}}, metrics_);
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    stub_ = v1::ModelService::NewStub(
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }

  absl::Status GetModel() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::GetModelResponse response;
    return FromGrpcStatus(stub_->GetModel(&context, {}, &response));
  }

  Metrics metrics_;
  CancelWatcher watcher_;
  WaitingService service_{watcher_};
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<v1::ModelService::Stub> stub_;
};

TEST_F(GrpcServerTest, PortZeroGivesTheRealPort) {
  Start();
  EXPECT_THAT(server_->address(), HasSubstr("127.0.0.1:"));
  EXPECT_NE(server_->address(), "127.0.0.1:0");
  EXPECT_THAT(GetModel(), IsOk());
}

TEST_F(GrpcServerTest, ServesOnAUnixSocket) {
  ASSERT_OK_AND_ASSIGN(auto dir, TempDir::Create());
  Start({.address = "unix:" + dir->path() + "/s"});
  EXPECT_THAT(GetModel(), IsOk());
}

TEST_F(GrpcServerTest, InProcessChannelReachesTheServices) {
  Start();
  stub_ = v1::ModelService::NewStub(server_->InProcessChannel());
  EXPECT_THAT(GetModel(), IsOk());
}

TEST_F(GrpcServerTest, AddressInUseIsUnavailableAndNamed) {
  Start();
  EXPECT_THAT(GrpcServer::Start({.address = server_->address()}, {}, metrics_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(server_->address())));
}

TEST_F(GrpcServerTest, MalformedAddressIsInvalid) {
  for (const char* address : {"localhost", ":1", "127.0.0.1:99999", "unix:", "a:b"}) {
    EXPECT_THAT(GrpcServer::Start({.address = address}, {}, metrics_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(address)));
  }
}

TEST_F(GrpcServerTest, OversizedMessageIsResourceExhausted) {
  Start({.address = "127.0.0.1:0", .max_message_bytes = 1000});
  grpc::ClientContext context;
  v1::EmbedRequest request;
  request.set_instruction(std::string(2000, 'x'));
  v1::EmbedResponse response;
  EXPECT_EQ(stub_->Embed(&context, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(GetModel(), IsOk());
}

TEST_F(GrpcServerTest, ClientCancelReachesTheHandler) {
  Start();
  grpc::ClientContext context;
  v1::EmbedResponse response;
  grpc::Status status;
  std::thread call([&] { status = stub_->Embed(&context, {}, &response); });
  service_.started.WaitForNotification();
  context.TryCancel();
  EXPECT_TRUE(service_.cancelled.WaitForNotificationWithTimeout(absl::Seconds(20)));
  call.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(GrpcServerTest, PassedDeadlineReachesTheHandler) {
  Start();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  v1::EmbedResponse response;
  EXPECT_EQ(stub_->Embed(&context, {}, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  if (service_.started.HasBeenNotified()) {
    EXPECT_TRUE(service_.cancelled.WaitForNotificationWithTimeout(absl::Seconds(20)));
  }
}

TEST_F(GrpcServerTest, StopCancelsWhatRunsAtTheDeadline) {
  Start();
  grpc::ClientContext context;
  v1::EmbedResponse response;
  std::thread call([&] { EXPECT_FALSE(stub_->Embed(&context, {}, &response).ok()); });
  service_.started.WaitForNotification();
  server_->Stop(absl::Now() + absl::Milliseconds(100));
  EXPECT_TRUE(service_.cancelled.HasBeenNotified());
  call.join();
}

TEST_F(GrpcServerTest, RequestsAreCountedByMethodAndCode) {
  Start();
  EXPECT_THAT(GetModel(), IsOk());
  server_->Stop(absl::Now() + absl::Seconds(20));
  const std::string text = metrics_.Text();
  EXPECT_THAT(text,
              HasSubstr("sightline_requests_total{code=\"OK\",method=\"ModelService/GetModel\""
                        "} 1"));
  EXPECT_THAT(text,
              HasSubstr("sightline_request_seconds_count{method=\"ModelService/GetModel\"} 1"));
  EXPECT_THAT(text, HasSubstr("sightline_requests_in_flight{method=\"ModelService/GetModel\"} 0"));
}

TEST_F(GrpcServerTest, StageTimesReachTheClientAsServerTiming) {
  Start();
  grpc::ClientContext context;
  v1::GetModelResponse response;
  ASSERT_TRUE(stub_->GetModel(&context, {}, &response).ok());
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("server-timing");
  ASSERT_NE(found, trailers.end());
  EXPECT_EQ(std::string(found->second.data(), found->second.size()), "encode;dur=1.500");
}

TEST(StillWantedTest, NamesTheStageThatWasAboutToBegin) {
  CallLimits limits;
  EXPECT_THAT(StillWanted(limits, "search"), IsOk());
  limits.cancel = std::make_shared<absl::Notification>();
  EXPECT_THAT(StillWanted(limits, "search"), IsOk());
  limits.cancel->Notify();
  EXPECT_THAT(StillWanted(limits, "search"),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("search")));
  limits.deadline = absl::InfinitePast();
  EXPECT_THAT(StillWanted(limits, "rerank"),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("rerank")));
}

}  // namespace
}  // namespace sightline::edge
