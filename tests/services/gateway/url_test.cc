#include "services/gateway/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::gateway {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ParseTargetTest, TakesNamesAndQueryApartAndDecodesThem) {
  ASSERT_OK_AND_ASSIGN(const Target target,
                       ParseTarget("/v1/collections/a%2Fb%E4%B8%AD/?page_size=5&filter=x+%3D+1"));
  EXPECT_THAT(target.segments, ElementsAre("v1", "collections", "a/b中"));
  EXPECT_THAT(target.query, ElementsAre(Pair("filter", "x = 1"), Pair("page_size", "5")));
}

TEST(ParseTargetTest, TheRootHasNoNames) {
  ASSERT_OK_AND_ASSIGN(const Target target, ParseTarget("/"));
  EXPECT_THAT(target.segments, IsEmpty());
}

TEST(ParseTargetTest, RefusesWhatIsNotOnePlainPath) {
  for (const char* bad :
       {"", "v1", "http://other/v1", "/a//b", "/a/../b", "/a/%2e%2e/b", "/.", "/a%00b", "/a%0ab",
        "/a%zz", "/a%2", "/%ff", "/a#b", "/a b", "/x?a=1&a=2", "/x?a=%ff"}) {
    EXPECT_THAT(ParseTarget(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
  EXPECT_THAT(ParseTarget("/" + std::string(3000, 'a')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(EscapeSegmentTest, IsUndoneByParseTarget) {
  const std::string name = "täble/1 ?#%";
  ASSERT_OK_AND_ASSIGN(const Target target, ParseTarget("/" + EscapeSegment(name)));
  EXPECT_THAT(target.segments, ElementsAre(name));
}

TEST(HostNameTest, DropsThePortAndRefusesTheRest) {
  EXPECT_EQ(HostName("LocalHost:8080").value(), "localhost");
  EXPECT_EQ(HostName("[::1]:80").value(), "[::1]");
  for (const char* bad : {"", ":80", "a b", "a/b", "user@a", "[::1", "[::1]x", "a:b", "a:123456"}) {
    EXPECT_THAT(HostName(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(HostNameTest, TellsLocalNamesFromOnesThatAStrangerCanMap) {
  EXPECT_TRUE(IsLocalOrAddress("localhost"));
  EXPECT_TRUE(IsLocalOrAddress("127.0.0.1"));
  EXPECT_TRUE(IsLocalOrAddress("[::1]"));
  EXPECT_FALSE(IsLocalOrAddress("evil.example"));
  EXPECT_FALSE(IsLocalOrAddress("127.0.0.1.evil.example"));
  EXPECT_FALSE(IsLocalOrAddress("1.2.3"));
}

}  // namespace
}  // namespace sightline::gateway
