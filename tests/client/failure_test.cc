#include "client/failure.h"

#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::client {
namespace {

using testing::IsOk;
using testing::StatusIs;

TEST(FailureTest, DetailsOfAGrpcStatusAreKept) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  info.set_reason("queue_full");
  details.add_details()->PackFrom(info);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(2);
  retry.mutable_retry_delay()->set_nanos(500'000'000);
  details.add_details()->PackFrom(retry);
  google::rpc::BadRequest bad;
  bad.add_field_violations()->set_field("search.filter");
  details.add_details()->PackFrom(bad);
  const absl::Status status =
      FromRpc({grpc::StatusCode::RESOURCE_EXHAUSTED, "full", details.SerializeAsString()});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_EQ(FailureReason(status), "queue_full");
  EXPECT_EQ(FailureField(status), "search.filter");
  EXPECT_EQ(FailureRetryAfter(status), absl::Milliseconds(2500));
  EXPECT_TRUE(IsTransient(status));
}

TEST(FailureTest, DetailsThatDoNotParseAreIgnored) {
  const absl::Status status = FromRpc({grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff"});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound, "gone"));
  EXPECT_EQ(FailureReason(status), "");
  EXPECT_FALSE(FailureRetryAfter(status).has_value());
  EXPECT_FALSE(IsTransient(status));
  EXPECT_THAT(FromRpc(grpc::Status::OK), IsOk());
}

}  // namespace
}  // namespace sightline::client
