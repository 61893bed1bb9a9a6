#include "services/fetch/fetch_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace sightline::fetch {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;

FetchUrl Url(const std::string& text) { return FetchUrl::Parse(text).value(); }

TEST(FetchPolicyTest, NamesAndWhatLiesBelowThemAreTwoEntries) {
  FetchPolicy policy;
  ASSERT_OK_AND_ASSIGN(policy.allowed_hosts, ReadHosts(" Example.org, *.example.net"));
  EXPECT_TRUE(policy.AllowsTarget(Url("http://example.org/")));
  EXPECT_TRUE(policy.AllowsTarget(Url("https://EXAMPLE.ORG/")));
  EXPECT_TRUE(policy.AllowsTarget(Url("http://a.b.example.net/")));
  for (const char* url :
       {"http://www.example.org/", "http://example.net/", "http://badexample.net/",
        "http://example.org.evil.com/", "http://1.2.3.4/"}) {
    EXPECT_FALSE(policy.AllowsTarget(Url(url))) << url;
  }
}

TEST(FetchPolicyTest, NothingIsAllowedByDefault) {
  EXPECT_FALSE(FetchPolicy().AllowsTarget(Url("http://example.org/")));
}

TEST(FetchPolicyTest, OnlyThePortsOfTheListAreAllowed) {
  FetchPolicy policy = {.allowed_hosts = {"*"}};
  EXPECT_TRUE(policy.AllowsTarget(Url("https://a.org:80/")));
  EXPECT_FALSE(policy.AllowsTarget(Url("http://a.org:8080/")));
  ASSERT_OK_AND_ASSIGN(policy.ports, ReadPorts("8080, 22"));
  EXPECT_THAT(policy.ports, ElementsAre(8080, 22));
  EXPECT_TRUE(policy.AllowsTarget(Url("http://a.org:8080/")));
  EXPECT_FALSE(policy.AllowsTarget(Url("http://a.org/")));
}

TEST(FetchPolicyTest, PrivateAddressesAreAllowedByRangeOrByName) {
  FetchPolicy policy = {.allowed_hosts = {"*"}};
  const Address inner = *Address::Parse("10.1.2.3");
  const Address metadata = *Address::Parse("169.254.169.254");
  EXPECT_FALSE(policy.AllowsAddress(Url("http://wiki.corp/"), inner));
  ASSERT_THAT(ReadPrivate("10.1.0.0/16, *.corp, 169.254.0.0/16", policy), IsOk());
  EXPECT_TRUE(policy.AllowsAddress(Url("http://a.org/"), inner));
  EXPECT_FALSE(policy.AllowsAddress(Url("http://a.org/"), *Address::Parse("10.2.0.1")));
  EXPECT_TRUE(policy.AllowsAddress(Url("http://wiki.corp/"), *Address::Parse("10.2.0.1")));
  EXPECT_FALSE(policy.AllowsAddress(Url("http://a.org/"), metadata));
  EXPECT_FALSE(policy.AllowsAddress(Url("http://wiki.corp/"), metadata));
}

TEST(FetchPolicyTest, EntriesThatAreNoneAreRefused) {
  FetchPolicy policy;
  for (const char* text : {"http://a.org", "a b", "*.*", "a.*", "a/b", "user@a", "a:80", "127.1"}) {
    EXPECT_THAT(ReadHosts(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
    EXPECT_THAT(ReadPrivate(text, policy), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(ReadPrivate("*", policy), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadPrivate("10.0.0.0/40", policy), StatusIs(absl::StatusCode::kInvalidArgument));
  for (const char* text : {"0", "65536", "http", "80-90"}) {
    EXPECT_THAT(ReadPorts(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace sightline::fetch
