#include "cli/s3/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::s3 {
namespace {

using sightline::testing::IsOk;
using sightline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MakeSettingsTest, WithoutKeysNothingIsSigned) {
  const Settings settings = MakeSettings({}, "").value();
  EXPECT_TRUE(settings.credentials.empty());
  EXPECT_EQ(settings.region, "us-east-1");
  EXPECT_EQ(settings.endpoint, "");
}

TEST(MakeSettingsTest, TheFlagWinsAndAnEndpointHasOneForm) {
  Environment environment;
  environment.endpoint = "https://a.example:443/";
  EXPECT_EQ(MakeSettings(environment, "")->endpoint, "https://a.example");
  EXPECT_EQ(MakeSettings(environment, "http://[::1]:9000")->endpoint, "http://[::1]:9000");
}

TEST(MakeSettingsTest, RefusesWithoutRepeating) {
  for (const char* endpoint : {"hush.example", "https://user:hush@host", "https://host/hush",
                               "https://host?hush", "ftp://hush", "https://"}) {
    EXPECT_THAT(MakeSettings({}, endpoint),
                StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("hush"))))
        << endpoint;
  }
  Environment half;
  half.secret_access_key = "hush";
  EXPECT_THAT(MakeSettings(half, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("hush"))));
  Environment broken;
  broken.access_key_id = "a\r\nx-other: hush";
  broken.secret_access_key = "s";
  EXPECT_THAT(MakeSettings(broken, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("hush"))));
  Environment region;
  region.region = "eu.evil.example/";
  EXPECT_THAT(MakeSettings(region, ""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ParseLocationTest, TakesTheKeyAsItIs) {
  const Location location = ParseLocation("s3://depot/a b/%41//c?d#e/").value();
  EXPECT_EQ(location.bucket, "depot");
  EXPECT_EQ(location.key, "a b/%41//c?d#e/");
  EXPECT_EQ(UrlOf(location), "s3://depot/a b/%41//c?d#e/");
  EXPECT_EQ(ParseLocation("S3://depot")->key, "");
  for (const char* url : {"s3://", "s3:///key", "s3://ab/key", "s3://a:b@c/key", "s3://a..b/key",
                          "https://depot/key"}) {
    EXPECT_THAT(ParseLocation(url), StatusIs(absl::StatusCode::kInvalidArgument)) << url;
  }
}

TEST(AddressOfTest, TheBucketStandsInTheHostAtAmazonAndInThePathElsewhere) {
  Settings settings;
  settings.region = "eu-west-1";
  Address address = AddressOf(settings, {.bucket = "depot", .key = "a/b"});
  EXPECT_EQ(address.scheme + "://" + address.host + address.path,
            "https://depot.s3.eu-west-1.amazonaws.com/a/b");
  address = AddressOf(settings, {.bucket = "my.depot", .key = ""});
  EXPECT_EQ(address.host + address.path, "s3.eu-west-1.amazonaws.com/my.depot/");
  settings.region = "cn-north-1";
  EXPECT_EQ(AddressOf(settings, {.bucket = "depot", .key = ""}).host,
            "depot.s3.cn-north-1.amazonaws.com.cn");
  settings.endpoint = "http://localhost:9000";
  address = AddressOf(settings, {.bucket = "depot", .key = "a"});
  EXPECT_EQ(address.scheme + "://" + address.host + address.path, "http://localhost:9000/depot/a");
}

}  // namespace
}  // namespace sightline::s3
