#include "services/edge/local_calls.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <regex>
#include <stdexcept>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "services/edge/call_scope.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_server.h"
#include "services/edge/grpc_status.h"
#include "services/edge/request_log.h"
#include "sightline/v1/model.grpc.pb.h"
#include "tests/support/status_matchers.h"

namespace sightline::edge {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kGetModel[] = "/sightline.v1.ModelService/GetModel";
constexpr char kEmbed[] = "/sightline.v1.ModelService/Embed";

// GetModel answers; Embed fails, and waits before it where it is told to.
class Service : public v1::ModelService::Service {
 public:
  grpc::Status GetModel(grpc::ServerContext* context, const v1::GetModelRequest*,
                        v1::GetModelResponse* response) override {
    const CallScope scope(watcher_, *context);
    response->add_warnings("here");
    ReportStages(*context, {{"encode", 1.5}, {"rerank", 2}});
    return scope.Finish(absl::OkStatus());
  }

  grpc::Status Embed(grpc::ServerContext* context, const v1::EmbedRequest*,
                     v1::EmbedResponse*) override {
    const CallScope scope(watcher_, *context);
    if (wait) {
      began.Notify();
      may_go.WaitForNotification();
    }
    if (absl::Status status = StillWanted(scope.limits(), "the work"); !status.ok()) {
      return scope.Finish(status);
    }
    return scope.Finish(WithRetryAfter(InvalidField("inputs", "none is given"), absl::Seconds(3)));
  }

  bool wait = false;
  absl::Notification began;
  absl::Notification may_go;

 private:
  CancelWatcher watcher_;
};

// What both ways of calling leave behind, with the times taken out.
struct Traces {
  std::string metrics;
  std::string log;
  absl::Status status;
  std::string reply;
};

std::string WithoutTimes(const std::string& text) {
  std::string out = std::regex_replace(text, std::regex(R"(^\S+Z )"), "");
  return std::regex_replace(out, std::regex(R"( ms=\S+)"), "");
}

std::string Counts(const Metrics& metrics) {
  std::string out;
  for (const absl::string_view line : absl::StrSplit(metrics.Text(), '\n')) {
    if (!absl::StrContains(line, "_bucket") && !absl::StrContains(line, "_sum")) {
      out += std::string(line) + "\n";
    }
  }
  return out;
}

class LocalCallsTest : public ::testing::Test {
 protected:
  grpc::Status Embed(LocalCalls& calls, LocalContext& context) {
    v1::EmbedResponse response;
    return calls.Run(kEmbed, context, [&] { return service_.Embed(&context, {}, &response); });
  }

  Traces OverGrpc(bool good) {
    Traces out;
    Metrics metrics;
    ::testing::internal::CaptureStderr();
    auto server = GrpcServer::Start({.address = "127.0.0.1:0"},
                                    {{v1::ModelService::service_full_name(), &service_}}, metrics);
    const auto stub = v1::ModelService::NewStub(
        grpc::CreateChannel((*server)->address(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    v1::GetModelResponse model;
    v1::EmbedResponse embedding;
    out.status = FromGrpcStatus(good ? stub->GetModel(&context, {}, &model)
                                     : stub->Embed(&context, {}, &embedding));
    (*server)->Stop(absl::Now() + absl::Seconds(20));
    out.log = WithoutTimes(::testing::internal::GetCapturedStderr());
    out.metrics = Counts(metrics);
    out.reply = model.ShortDebugString();
    return out;
  }

  Traces Locally(bool good) {
    Traces out;
    Metrics metrics;
    ::testing::internal::CaptureStderr();
    LocalCalls calls(10, metrics);
    LocalContext context(absl::InfiniteFuture());
    v1::GetModelResponse model;
    out.status =
        FromGrpcStatus(good ? calls.Run(kGetModel, context,
                                        [&] { return service_.GetModel(&context, {}, &model); })
                            : Embed(calls, context));
    out.log = WithoutTimes(::testing::internal::GetCapturedStderr());
    out.metrics = Counts(metrics);
    out.reply = model.ShortDebugString();
    return out;
  }

  Service service_;
  Metrics metrics_;
};

TEST_F(LocalCallsTest, ACallLeavesWhatOneOverGrpcLeaves) {
  for (const bool good : {true, false}) {
    const Traces local = Locally(good);
    const Traces grpc = OverGrpc(good);
    EXPECT_EQ(local.status, grpc.status);
    EXPECT_EQ(local.reply, grpc.reply);
    EXPECT_EQ(local.log, grpc.log);
    EXPECT_EQ(local.metrics, grpc.metrics);
    EXPECT_THAT(local.log, HasSubstr(good ? "encode;dur=1.500, rerank;dur=2.000"
                                          : "ModelService/Embed code=INVALID_ARGUMENT"));
    EXPECT_THAT(local.metrics, HasSubstr(good ? "code=\"OK\"" : "code=\"INVALID_ARGUMENT\""));
  }
  const Traces refused = Locally(false);
  EXPECT_EQ(Fields(refused.status).at(0).field, "inputs");
  EXPECT_EQ(RetryAfter(refused.status), absl::Seconds(3));
}

TEST_F(LocalCallsTest, ACancelledCallStopsAtItsNextStage) {
  LocalCalls calls(1, metrics_);
  LocalContext context(absl::InfiniteFuture());
  context.Cancel();
  EXPECT_THAT(FromGrpcStatus(Embed(calls, context)), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(LocalCallsTest, ADeadlineThatPassedIsTheCauseOfACancelledCall) {
  LocalCalls calls(1, metrics_);
  LocalContext context(absl::InfinitePast());
  context.Cancel();
  EXPECT_THAT(FromGrpcStatus(Embed(calls, context)), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(LocalCallsTest, TooManyAtOnceAreRefusedAndLoggedAsSuch) {
  LocalCalls calls(1, metrics_);
  service_.wait = true;
  std::thread first([&] {
    LocalContext context(absl::InfiniteFuture());
    EXPECT_THAT(FromGrpcStatus(Embed(calls, context)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  });
  service_.began.WaitForNotification();
  const auto get_model = [&] {
    LocalContext context(absl::InfiniteFuture());
    v1::GetModelResponse model;
    return FromGrpcStatus(
        calls.Run(kGetModel, context, [&] { return service_.GetModel(&context, {}, &model); }));
  };
  const absl::Status refused = get_model();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_TRUE(RetryAfter(refused).has_value());
  service_.may_go.Notify();
  first.join();
  EXPECT_THAT(get_model(), IsOk());
  EXPECT_THAT(metrics_.Text(), HasSubstr("sightline_requests_total{code=\"RESOURCE_EXHAUSTED\","
                                         "method=\"ModelService/GetModel\"} 1"));
}

TEST_F(LocalCallsTest, AnExceptionOfAHandlerIsAnErrorOfTheCall) {
  LocalCalls calls(1, metrics_);
  LocalContext context(absl::InfiniteFuture());
  const auto throws = []() -> grpc::Status { throw std::runtime_error("secret"); };
  const grpc::Status status = calls.Run(kEmbed, context, throws);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNKNOWN);
  EXPECT_EQ(status.error_message().find("secret"), std::string::npos);
  // Its place is free again.
  EXPECT_EQ(calls.Run(kEmbed, context, [] { return grpc::Status::OK; }).error_code(),
            grpc::StatusCode::OK);
}

}  // namespace
}  // namespace sightline::edge
