#include "cli/s3/reply_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace sightline::s3 {
namespace {

using sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Page(const std::string& inside) {
  return absl::StrCat("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"urn:x\">", inside,
                      "</ListBucketResult>");
}

std::string Object(const std::string& key, const std::string& size = "7") {
  return absl::StrCat("<Contents><Key>", key, "</Key><ETag>&quot;ab-2&quot;</ETag><Size>", size,
                      "</Size></Contents>");
}

std::vector<std::string> Keys(const std::string& xml) {
  std::vector<std::string> keys;
  const Listing listing = ParseListing(xml).value();
  for (const ListedObject& object : listing.objects) keys.push_back(object.key);
  return keys;
}

TEST(ParseListingTest, ReadsObjectsFoldersAndTheToken) {
  const Listing listing =
      ParseListing(Page(absl::StrCat(Object("a.md", "9000000000"), Object("b.md"),
                                     "<CommonPrefixes><Prefix>sub/</Prefix></CommonPrefixes>",
                                     "<IsTruncated>true</IsTruncated>",
                                     "<NextContinuationToken>1+/=&amp; x</NextContinuationToken>")))
          .value();
  ASSERT_EQ(listing.objects.size(), 2u);
  EXPECT_EQ(listing.objects[0].key, "a.md");
  EXPECT_EQ(listing.objects[0].etag, "ab-2");
  EXPECT_EQ(listing.objects[0].bytes, 9'000'000'000);
  EXPECT_THAT(listing.folders, ElementsAre("sub/"));
  EXPECT_EQ(listing.next_token, "1+/=& x");
}

TEST(ParseListingTest, KeysAreDecodedOnlyWhenTheServiceEncodedThem) {
  EXPECT_THAT(Keys(Page("<EncodingType>url</EncodingType>" +
                        Object("a+b%2Bc/100%25/%E6%96%87%0a.md") + Object("%zz%4"))),
              ElementsAre("a b+c/100%/文\n.md", "%zz%4"));
  EXPECT_THAT(Keys(Page(Object("a+b%2Bc &amp; &#x41;"))), ElementsAre("a+b%2Bc & A"));
}

TEST(ParseListingTest, BlanksOfAKeyAreKept) {
  EXPECT_THAT(Keys(Page(Object(" a ") + Object(" "))), ElementsAre(" a ", " "));
}

TEST(ParseListingTest, AnEmptyBucketHasNothing) {
  const Listing listing = ParseListing(Page("<IsTruncated>false</IsTruncated>")).value();
  EXPECT_THAT(listing.objects, IsEmpty());
  EXPECT_THAT(listing.next_token, IsEmpty());
}

TEST(ParseListingTest, WhatIsCutOffOrNoListingMayBeTriedAgain) {
  const std::string whole = Page(Object("a.md"));
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(ParseListing(whole.substr(0, size)), StatusIs(absl::StatusCode::kUnavailable))
        << size;
  }
  for (const std::string& xml :
       {std::string("<html/>"), Page(Object("")), Page(Object("a", "-1")),
        Page(Object("a", "many")), Page("<IsTruncated>true</IsTruncated>")}) {
    EXPECT_THAT(ParseListing(xml), StatusIs(absl::StatusCode::kUnavailable)) << xml;
  }
}

TEST(ParseErrorTest, ReadsCodeAndMessage) {
  const ErrorReply error =
      ParseError("<Error><Code>NoSuchKey</Code><Message>It is &lt;gone&gt;</Message></Error>");
  EXPECT_EQ(error.code, "NoSuchKey");
  EXPECT_EQ(error.message, "It is <gone>");
  EXPECT_EQ(ParseError("<html>").code, "");
  EXPECT_EQ(ParseError("").code, "");
}

}  // namespace
}  // namespace sightline::s3
