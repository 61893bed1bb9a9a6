#include "services/fetch/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "services/edge/error_details.h"
#include "tests/support/status_matchers.h"

namespace sightline::fetch {
namespace {

using ::sightline::testing::StatusIs;
using ::testing::Contains;

TEST(SystemResolverTest, KnowsThisMachine) {
  ASSERT_OK_AND_ASSIGN(const auto addresses, SystemResolver()("localhost", {}));
  EXPECT_THAT(addresses, Contains(*Address::Parse("127.0.0.1")));
}

TEST(FetchLimitsTest, SayWhyTheWorkEnds) {
  EXPECT_THAT(FetchLimits().StillWanted(), sightline::testing::IsOk());
  const FetchLimits stopped = {.stopped = [] { return true; }};
  EXPECT_THAT(stopped.StillWanted(), StatusIs(absl::StatusCode::kCancelled));
  const FetchLimits late = {.deadline = absl::Now() - absl::Seconds(1)};
  EXPECT_THAT(late.StillWanted(), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(edge::Reason(late.StillWanted()), "fetch_timeout");
}

}  // namespace
}  // namespace sightline::fetch
