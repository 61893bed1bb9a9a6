#include "services/edge/grpc_status.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include "services/edge/error_details.h"
#include "tests/support/status_matchers.h"

namespace sightline::edge {
namespace {

using ::sightline::testing::StatusIs;

google::rpc::Status Decode(const grpc::Status& status) {
  google::rpc::Status out;
  EXPECT_TRUE(out.ParseFromString(status.error_details()));
  return out;
}

TEST(GrpcStatusTest, OkStaysOkWithoutDetails) {
  const grpc::Status status = ToGrpcStatus(absl::OkStatus());
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(status.error_details().empty());
}

TEST(GrpcStatusTest, EveryErrorCarriesAnErrorInfoWithAReason) {
  const grpc::Status status = ToGrpcStatus(absl::NotFoundError("no collection x"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no collection x");
  const auto details = Decode(status);
  EXPECT_EQ(details.code(), 5);
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "not_found");
  EXPECT_EQ(info.domain(), "sightline");
}

TEST(GrpcStatusTest, ExtrasSurviveTheWayThereAndBack) {
  absl::Status sent = InvalidField("search.k", "must be 1..1000, is 0", "out_of_range");
  sent = WithResource(std::move(sent), "collection", "photos");
  sent = WithRetryAfter(std::move(sent), absl::Milliseconds(2500));
  const absl::Status got = FromGrpcStatus(ToGrpcStatus(sent));
  EXPECT_THAT(got, StatusIs(absl::StatusCode::kInvalidArgument,
                            ::testing::Eq("search.k: must be 1..1000, is 0")));
  EXPECT_EQ(Reason(got), "out_of_range");
  ASSERT_EQ(Fields(got).size(), 1u);
  EXPECT_EQ(Fields(got)[0].field, "search.k");
  EXPECT_EQ(RetryAfter(got), absl::Milliseconds(2500));
  ASSERT_TRUE(ResourceOf(got).has_value());
  EXPECT_EQ(ResourceOf(got)->name, "photos");
}

TEST(GrpcStatusTest, ResourceExhaustedAlwaysSaysWhenToRetry) {
  const absl::Status got = FromGrpcStatus(ToGrpcStatus(absl::ResourceExhaustedError("queue full")));
  EXPECT_EQ(RetryAfter(got), absl::Seconds(1));
}

TEST(GrpcStatusTest, ReasonPayloadOfLowerRoomsBecomesTheReason) {
  absl::Status status = absl::InvalidArgumentError("too big");
  status.SetPayload("sightline/reason", absl::Cord("too_many_pixels"));
  EXPECT_EQ(Reason(FromGrpcStatus(ToGrpcStatus(status))), "too_many_pixels");
}

TEST(GrpcStatusTest, OverlongAndIllFormedMessagesBecomeShortValidUtf8) {
  const grpc::Status status = ToGrpcStatus(absl::InternalError(std::string(100'000, '\xff')));
  EXPECT_LT(status.error_message().size(), 2100u);
  EXPECT_LT(status.error_details().size(), 4500u);
  EXPECT_EQ(Decode(status).message(), status.error_message());
}

TEST(GrpcStatusTest, ForeignDetailBytesAreIgnored) {
  const absl::Status got = FromGrpcStatus(
      grpc::Status(grpc::StatusCode::INTERNAL, "boom", std::string("\xff\xff\xff", 3)));
  EXPECT_THAT(got, StatusIs(absl::StatusCode::kInternal, ::testing::Eq("boom")));
}

TEST(HttpCodeTest, FollowsTheCanonicalMapping) {
  EXPECT_EQ(HttpCode(absl::StatusCode::kOk), 200);
  EXPECT_EQ(HttpCode(absl::StatusCode::kInvalidArgument), 400);
  EXPECT_EQ(HttpCode(absl::StatusCode::kNotFound), 404);
  EXPECT_EQ(HttpCode(absl::StatusCode::kResourceExhausted), 429);
  EXPECT_EQ(HttpCode(absl::StatusCode::kDeadlineExceeded), 504);
  EXPECT_EQ(HttpCode(absl::StatusCode::kInternal), 500);
}

TEST(HttpCodeTest, ReasonRefinesTheCode) {
  const absl::Status base = absl::InvalidArgumentError("x");
  EXPECT_EQ(HttpCode(WithReason(base, "too_many_pixels")), 413);
  EXPECT_EQ(HttpCode(WithReason(base, "unknown_type")), 415);
  EXPECT_EQ(HttpCode(WithReason(base, "bad_image")), 422);
  EXPECT_EQ(HttpCode(base), 400);
}

}  // namespace
}  // namespace sightline::edge
