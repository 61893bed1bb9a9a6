// Requests that a service of the gateway's own process works on.

#include "services/gateway/local_exchange.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/edge/call_scope.h"
#include "services/edge/error_details.h"
#include "services/gateway/http_server.h"
#include "services/gateway/upstream.h"
#include "tests/services/gateway/raw_http.h"
#include "tests/support/status_matchers.h"

namespace sightline::gateway {
namespace {

using ::sightline::testing::IsOk;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;

// Finds what `answer` says, after waiting where it is told to. Some handlers listen to their
// caller, and some are in the middle of what cannot be interrupted.
class Service : public v1::QueryService::Service {
 public:
  grpc::Status Search(grpc::ServerContext* context, const v1::SearchRequest* request,
                      v1::SearchResponse* response) override {
    const edge::CallScope scope(watcher_, *context);
    time_left = scope.limits().deadline - absl::Now();
    ++begun;
    if (request->collection() == "wait") may_go.WaitForNotification();
    if (request->collection() == "listen") scope.limits().cancel->WaitForNotification();
    if (scope.limits().cancel->HasBeenNotified()) ++cancelled;
    ++ended;
    if (request->collection() == "none") {
      return scope.Finish(
          edge::WithResource(absl::NotFoundError("no collection none"), "collection", "none"));
    }
    response->add_warnings(request->query(0).text());
    return scope.Finish(edge::StillWanted(scope.limits(), "the reply"));
  }

  std::atomic<int> begun{0};
  std::atomic<int> cancelled{0};
  std::atomic<int> ended{0};
  absl::Duration time_left;  // of the last call
  absl::Notification may_go;

 private:
  edge::CancelWatcher watcher_;
};

std::string Query(absl::string_view collection) {
  return absl::StrCat(R"({"text":"boats","collection":")", collection, R"("})");
}

class LocalExchangeTest : public ::testing::Test {
 protected:
  ~LocalExchangeTest() override {
    if (!service_.may_go.HasBeenNotified()) service_.may_go.Notify();
  }

  void Start(int max_calls = 100) {
    calls_ = std::make_unique<edge::LocalCalls>(max_calls, metrics_);
    local_ = std::make_unique<LocalServices>(
        LocalServices{*calls_, {&service_, nullptr, nullptr, nullptr}});
    HttpOptions options;
    options.address = "127.0.0.1:0";
    options.threads = 1;
    // Whatever went over the channel would fail.
    auto server = HttpServer::Start(
        options, grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()), {},
        local_.get());
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    at_ = server_->address();
  }

  static void SendSearch(RawConnection& connection, absl::string_view collection) {
    connection.Send(
        RequestText("POST", "/v1/search", Query(collection), {"Content-Type: application/json"}));
  }

  template <typename Done>
  static bool Eventually(const Done& done) {
    for (int i = 0; i < 2000 && !done(); ++i) absl::SleepFor(absl::Milliseconds(10));
    return done();
  }

  edge::Metrics metrics_;
  Service service_;
  std::unique_ptr<edge::LocalCalls> calls_;
  std::unique_ptr<LocalServices> local_;
  std::unique_ptr<HttpServer> server_;
  std::string at_;
};

TEST_F(LocalExchangeTest, ARequestReachesTheServiceWithItsDeadline) {
  Start();
  const RawReply reply = PostJson(at_, "/v1/search?timeout=9", Query("c"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr(R"("warnings":["boats"])"));
  EXPECT_GT(service_.time_left, absl::Seconds(5));
  EXPECT_LE(service_.time_left, absl::Seconds(9));
  const RawReply missing = PostJson(at_, "/v1/search", Query("none"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("no collection none"));
  EXPECT_THAT(metrics_.Text(), HasSubstr("code=\"NOT_FOUND\",method=\"QueryService/Search\"} 1"));
  const RawReply events = PostJson(at_, "/v1/search", Query("c"), {"Accept: text/event-stream"});
  EXPECT_THAT(events.body, HasSubstr("event: retrieved"));
  EXPECT_THAT(events.body, HasSubstr("event: done"));
}

TEST_F(LocalExchangeTest, WhatDoesNotLiveHereGoesOverTheChannel) {
  Start();
  EXPECT_EQ(Fetch(at_, "GET", "/v1/collections").status, 503);
}

TEST_F(LocalExchangeTest, LongCallsDoNotHoldUpOtherConnections) {
  Start();
  std::vector<std::unique_ptr<RawConnection>> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(std::make_unique<RawConnection>(at_));
    SendSearch(*waiting.back(), "wait");
  }
  ASSERT_TRUE(Eventually([&] { return service_.begun == 20; }));
  EXPECT_EQ(Fetch(at_, "GET", "/livez").status, 200);
  EXPECT_EQ(PostJson(at_, "/v1/search", Query("c")).status, 200);
  service_.may_go.Notify();
  for (auto& connection : waiting) EXPECT_EQ(connection->Read().status, 200);
}

TEST_F(LocalExchangeTest, AClientThatGoesAwayEndsTheWork) {
  Start();
  RawConnection connection(at_);
  SendSearch(connection, "listen");
  ASSERT_TRUE(Eventually([&] { return service_.begun == 1; }));
  connection.Close();
  EXPECT_TRUE(Eventually([&] { return service_.cancelled == 1; }));
}

TEST_F(LocalExchangeTest, TheReplyOfAPassedDeadlineDoesNotWaitForTheHandler) {
  Start();
  RawConnection connection(at_);
  connection.Send(RequestText("POST", "/v1/search?timeout=0.3", Query("wait"),
                              {"Content-Type: application/json"}));
  const RawReply late = connection.Read();
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr("deadline_exceeded"));
  EXPECT_EQ(service_.ended, 0);
  // The connection goes on; what the handler comes to later is dropped.
  SendSearch(connection, "c");
  EXPECT_EQ(connection.Read().status, 200);
  service_.may_go.Notify();
  EXPECT_TRUE(Eventually([&] { return service_.cancelled == 1; }));
  SendSearch(connection, "c");
  EXPECT_EQ(connection.Read().status, 200);
}

TEST_F(LocalExchangeTest, MoreCallsThanAllowedAreToldToComeAgain) {
  Start(/*max_calls=*/1);
  RawConnection first(at_);
  SendSearch(first, "wait");
  ASSERT_TRUE(Eventually([&] { return service_.begun == 1; }));
  const RawReply refused = PostJson(at_, "/v1/search", Query("c"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.headers, Contains(Key("retry-after")));
  service_.may_go.Notify();
  EXPECT_EQ(first.Read().status, 200);
  EXPECT_EQ(PostJson(at_, "/v1/search", Query("c")).status, 200);
}

// A handler that listens ends as soon as it hears that it may: the reply still says why.
TEST_F(LocalExchangeTest, TheReplyOfACancelledCallSaysWhy) {
  edge::LocalCalls calls(/*max_calls=*/100, metrics_);
  v1::SearchRequest search;
  search.set_collection("listen");
  search.add_query()->set_text("boats");
  constexpr int kTimes = 100;
  for (int i = 1; i <= kTimes; ++i) {
    auto exchange = std::make_shared<
        LocalExchange<v1::QueryService::Service, v1::SearchRequest, v1::SearchResponse>>(
        Request(), absl::InfiniteFuture(), search, calls, service_, kSearch,
        [](v1::SearchResponse&) { return Reply(); });
    int status = 0;
    absl::Notification replied;
    std::thread caller([&] {
      exchange->Start([&](Reply reply) {
        status = reply.status;
        replied.Notify();
      });
    });
    ASSERT_TRUE(Eventually([&] { return service_.begun == i; }));
    exchange->Cancel(absl::UnavailableError("shutting down"));
    replied.WaitForNotification();
    caller.join();
    ASSERT_EQ(status, 503) << "call " << i;
  }
}

TEST_F(LocalExchangeTest, StopLetsCallsEndAndCancelsThemAtTheDeadline) {
  Start();
  RawConnection ends(at_);
  SendSearch(ends, "wait");
  RawConnection stays(at_);
  SendSearch(stays, "listen");
  ASSERT_TRUE(Eventually([&] { return service_.begun == 2; }));
  std::thread stop([&] { server_->Stop(absl::Now() + absl::Seconds(1)); });
  service_.may_go.Notify();
  EXPECT_EQ(ends.Read().status, 200);
  const RawReply cut = stays.Read();
  stop.join();
  EXPECT_EQ(cut.status, 503);
  EXPECT_THAT(cut.body, HasSubstr("shutting_down"));
  EXPECT_EQ(service_.cancelled, 1);
  EXPECT_EQ(service_.ended, 2);
}

}  // namespace
}  // namespace sightline::gateway
