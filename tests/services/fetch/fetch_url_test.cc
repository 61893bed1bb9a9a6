#include "services/fetch/fetch_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace sightline::fetch {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;

TEST(FetchUrlTest, ReadsHostPortAndScheme) {
  ASSERT_OK_AND_ASSIGN(const FetchUrl plain, FetchUrl::Parse("HTTP://Example.org/a?b=c#d"));
  EXPECT_EQ(plain.host(), "example.org");
  EXPECT_EQ(plain.port(), 80);
  EXPECT_FALSE(plain.is_https());
  EXPECT_FALSE(plain.address().has_value());
  ASSERT_OK_AND_ASSIGN(const FetchUrl odd, FetchUrl::Parse("https://[2606:4700::1111]:8443"));
  EXPECT_EQ(odd.host(), "2606:4700::1111");
  EXPECT_EQ(odd.port(), 8443);
  EXPECT_TRUE(odd.is_https());
  EXPECT_TRUE(odd.address().has_value());
  EXPECT_THAT(FetchUrl::Parse("https://xn--bcher-kva.example/"), IsOk());
  EXPECT_THAT(FetchUrl::Parse("http://my_host:80/"), IsOk());
  EXPECT_THAT(FetchUrl::Parse("http://example.org?x=user@host"), IsOk());
}

TEST(FetchUrlTest, AFragmentDoesNotHideTheHost) {
  ASSERT_OK_AND_ASSIGN(const FetchUrl url, FetchUrl::Parse("http://127.0.0.1#@example.org/"));
  EXPECT_EQ(url.host(), "127.0.0.1");
}

TEST(FetchUrlTest, RefusesWhatTwoReadersMayReadInTwoWays) {
  for (const char* text : {"",
                           "example.org/a",
                           "/a",
                           "//example.org/a",
                           "file:///etc/passwd",
                           "ftp://example.org/",
                           "gopher://example.org/",
                           "jar:http://example.org/!/a",
                           "s3://bucket/key",
                           "http:/a",
                           "http:example.org",
                           "http:///a",
                           "http://",
                           "http://?a",
                           "http://user@example.org/",
                           "http://user:pass@example.org/",
                           "http://@example.org/",
                           "http://example.org@127.0.0.1/",
                           "http://example.org\\@127.0.0.1/",
                           "http:\\\\example.org/",
                           "http://exa\tmple.org/",
                           "http://example.org/\n",
                           " http://example.org/",
                           "http://example.org/a b",
                           "http://example.org./",
                           "http://127.0.0.1./",
                           "http://example..org/",
                           "http://.org/",
                           "http://ex\xc3\xa4mple.org/",
                           "http://127\xe3\x80\x82"
                           "0.0.1/",
                           "http://%31.example.org/",
                           "http://example.org%2f@a/",
                           "http://example.org:/",
                           "http://example.org:0/",
                           "http://example.org:65536/",
                           "http://example.org:0080/",
                           "http://example.org:80a/",
                           "http://exam!ple.org/",
                           "http://a,b/",
                           "http://*/",
                           "http://-a.org/"}) {
    EXPECT_THAT(FetchUrl::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(FetchUrl::Parse(std::string("http://a/\0b", 11)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FetchUrl::Parse("http://a/" + std::string(9000, 'b')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FetchUrl::Parse("http://" + std::string(64, 'a') + ".org/"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(FetchUrlTest, RefusesAddressesInUnusualForms) {
  for (const char* host : {"127.1",
                           "2130706433",
                           "0177.0.0.1",
                           "0x7f.1",
                           "0x7f000001",
                           "017700000001",
                           "127.0.0.01",
                           "1.2.3.4.5",
                           "256.0.0.1",
                           "a.1",
                           "a.0x1",
                           "[127.0.0.1]",
                           "[::1",
                           "::1",
                           "[fe80::1%25eth0]",
                           "[fe80::1%eth0]",
                           "[::ffff:0x7f.1]",
                           "[0:0:0:0:0:0:0:1]",
                           "[::1].",
                           "0x"}) {
    EXPECT_THAT(FetchUrl::Parse(std::string("http://") + host + "/"),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << host;
  }
}

TEST(FetchUrlTest, RedirectsAreReadFromWhereTheyStandByTheSameRules) {
  ASSERT_OK_AND_ASSIGN(const FetchUrl from, FetchUrl::Parse("https://example.org:444/a/b?c"));
  ASSERT_OK_AND_ASSIGN(const FetchUrl path, from.Redirect("/d?u=http://e"));
  EXPECT_EQ(path.host(), "example.org");
  EXPECT_EQ(path.port(), 444);
  ASSERT_OK_AND_ASSIGN(const FetchUrl other, from.Redirect("//example.net/x"));
  EXPECT_EQ(other.host(), "example.net");
  EXPECT_EQ(other.port(), 443);
  EXPECT_TRUE(other.is_https());
  ASSERT_OK_AND_ASSIGN(const FetchUrl whole, from.Redirect("http://example.com/"));
  EXPECT_FALSE(whole.is_https());
  EXPECT_THAT(from.Redirect("?x"), IsOk());
  EXPECT_THAT(from.Redirect("x/y"), IsOk());
  for (const char* location :
       {"", "file:///etc/passwd", "gopher://a/", "http://127.1/", "//user@example.org/",
        "\\\\example.org/", "http://example.org\\@a/", "javascript:1", "/a b"}) {
    EXPECT_THAT(from.Redirect(location), StatusIs(absl::StatusCode::kInvalidArgument)) << location;
  }
}

TEST(ShownUrlTest, LeavesOutWhatMayBeSecret) {
  EXPECT_EQ(ShownUrl("https://a/b?token=1"), "https://a/b");
  EXPECT_EQ(ShownUrl("https://a/b#c"), "https://a/b");
  EXPECT_EQ(ShownUrl("https://user:pass@a/"), "the URL");
  EXPECT_EQ(ShownUrl("https://a/\x01"), "the URL");
  EXPECT_EQ(ShownUrl(""), "the URL");
  EXPECT_LT(ShownUrl("https://a/" + std::string(500, 'b')).size(), 210u);
}

}  // namespace
}  // namespace sightline::fetch
