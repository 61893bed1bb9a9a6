#include "cli/s3/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"

namespace sightline::s3 {
namespace {

using ::testing::HasSubstr;

// 2024-02-29 23:59:59 UTC.
const absl::Time kNow = absl::FromUnixSeconds(1709251199);
constexpr char kHost[] = "depot.s3.eu-west-1.amazonaws.com";

std::map<std::string, std::string> Headers(const SignedRequest& request,
                                           const std::string& token = "") {
  const Credentials credentials = {.access_key_id = "AKEXAMPLE",
                                   .secret_access_key = "wJalr/ExampleSecret+Key",
                                   .session_token = token};
  return SignatureHeaders(request, credentials, "eu-west-1", kNow);
}

std::string Signature(const SignedRequest& request, const std::string& token = "") {
  const std::vector<std::string> parts =
      absl::StrSplit(Headers(request, token).at("authorization"), "Signature=");
  return parts.at(1);
}

// The expected values are what `signature` of tests/e2e/fake_s3.py, written apart from this code,
// says of the same requests.
TEST(SignatureTest, OfAPlainKey) {
  EXPECT_EQ(Signature({.host = kHost, .path = "/plain.md"}),
            "d02fb26afd03c0dfcd3f953c69f4457f1fae497eb907f529f5c75bd76d398b9e");
}

TEST(SignatureTest, OfAKeyThatMustBeEncoded) {
  EXPECT_EQ(Signature({.host = kHost, .path = "/a b+c/100%/文件?.md"}),
            "f3424ca22f0549b48a27dfc766c2c5ab0240f628397c4da9be6f925b8a2f6e0d");
}

TEST(SignatureTest, AQueryIsSignedInItsOwnOrder) {
  EXPECT_EQ(Signature({.host = kHost,
                       .path = "/",
                       .query = {{"list-type", "2"},
                                 {"prefix", "a b/+"},
                                 {"continuation-token", "1+/= &x"},
                                 {"encoding-type", "url"}}}),
            "f35298c2d677196ea06523e992bb9ea1ef8b08639301f7e3d26f2a2eefc042f2");
}

TEST(SignatureTest, ASessionTokenIsSignedToo) {
  EXPECT_EQ(Signature({.host = kHost, .path = "/plain.md"}, "to+ken/=="),
            "f700076b4d2e5de611f0aa53f3cd27be33e3c5e620f2eb9305045f5dff9d900d");
  EXPECT_EQ(Headers({.host = kHost, .path = "/"}, "to+ken/==").at("x-amz-security-token"),
            "to+ken/==");
}

TEST(SignatureTest, DotsAndSlashesOfAPathStayAsTheyAre) {
  EXPECT_EQ(Signature({.host = "127.0.0.1:9000", .path = "/depot/x/../y//z.md"}),
            "4b58f3d236096d3daed5db5c1b6d3041b209b0ab11edcbc20aa463f55438176a");
}

TEST(SignatureTest, NamesWhoAsksWhenAndWhatIsSigned) {
  const auto headers = Headers({.host = kHost, .path = "/"});
  EXPECT_EQ(headers.at("x-amz-date"), "20240229T235959Z");
  EXPECT_EQ(headers.at("host"), kHost);
  EXPECT_THAT(headers.at("authorization"),
              HasSubstr("AWS4-HMAC-SHA256 Credential=AKEXAMPLE/20240229/eu-west-1/s3/aws4_request, "
                        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="));
}

TEST(UriEncodeTest, LeavesOnlyUnreservedBytes) {
  EXPECT_EQ(UriEncode("aZ09-._~", false), "aZ09-._~");
  EXPECT_EQ(UriEncode("a/b +%\xc3\xa4", false), "a%2Fb%20%2B%25%C3%A4");
  EXPECT_EQ(UriEncode("a/b*", true), "a/b%2A");
}

TEST(CanonicalQueryTest, SortsByEncodedName) {
  EXPECT_EQ(
      CanonicalQuery({.host = "h", .path = "/", .query = {{"b", ""}, {"a b", "2"}, {"a", "1"}}}),
      "a=1&a%20b=2&b=");
}

}  // namespace
}  // namespace sightline::s3
