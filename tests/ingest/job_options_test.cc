#include "ingest/job_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using sightline::testing::StatusIs;

TEST(JobOptionsTest, ComeBackAsTheyWere) {
  const JobOptions options = {.media_type = "text/markdown",
                              .metadata_json = R"({"a":"\"é\""})",
                              .force = true,
                              .content_hash = "abc",
                              .bytes = int64_t{5} << 32,
                              .etag = "\"1\"",
                              .last_modified = "today",
                              .enrichment = {.extract_schema = "{}", .summarize = true},
                              .sequence = 77};
  ASSERT_OK_AND_ASSIGN(const JobOptions back, DecodeJobOptions(EncodeJobOptions(options)));
  EXPECT_EQ(back.media_type, options.media_type);
  EXPECT_EQ(back.metadata_json, options.metadata_json);
  EXPECT_EQ(back.force, options.force);
  EXPECT_EQ(back.content_hash, options.content_hash);
  EXPECT_EQ(back.bytes, options.bytes);
  EXPECT_EQ(back.etag, options.etag);
  EXPECT_EQ(back.last_modified, options.last_modified);
  EXPECT_EQ(back.enrichment.extract_schema, "{}");
  EXPECT_TRUE(back.enrichment.summarize);
  EXPECT_FALSE(back.enrichment.tag);
  EXPECT_EQ(back.sequence, options.sequence);
}

TEST(JobOptionsTest, ThoseOfEarlierBuildsAreRead) {
  ASSERT_OK_AND_ASSIGN(const JobOptions back,
                       DecodeJobOptions(R"({"media_type":"","metadata":"{}","force":false,)"
                                        R"("content_hash":"abc","bytes":1,"sequence":2})"));
  EXPECT_EQ(back.content_hash, "abc");
  EXPECT_EQ(back.etag, "");
  EXPECT_TRUE(back.enrichment.empty());
}

TEST(JobOptionsTest, DamagedOnesAreDataLoss) {
  const std::string whole = EncodeJobOptions({});
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(DecodeJobOptions(whole.substr(0, size)), StatusIs(absl::StatusCode::kDataLoss));
  }
  EXPECT_THAT(DecodeJobOptions(R"({"force":1})"), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(MetadataTest, IsTheSameWhateverTheOrderOfItsKeys) {
  EXPECT_TRUE(SameMetadata(R"({"a":1,"b":[1,2]})", R"({ "b":[1,2], "a":1 })"));
  EXPECT_FALSE(SameMetadata(R"({"a":1})", R"({"a":2})"));
  EXPECT_FALSE(SameMetadata(R"({"a":[1,2]})", R"({"a":[2,1]})"));
}

TEST(MetadataTest, WhenAPictureWasTakenIsAddedToWhatIsThere) {
  const std::string stored = WithTaken(R"({"a":1})", "2024-05-01T10:00:00");
  EXPECT_EQ(stored, R"({"a":1,"taken":"2024-05-01T10:00:00"})");
  EXPECT_TRUE(SameMetadata(stored, R"({"a":1})"));
  EXPECT_FALSE(SameMetadata(stored, R"({"a":1,"taken":"2020-01-01"})"));
  EXPECT_FALSE(SameMetadata(R"({"a":1})", stored));
}

TEST(MetadataTest, WhatAFileSaysOfItselfIsAddedToWhatIsThere) {
  const std::string stored =
      WithProperties(R"({"from":"me"})", {{"date", "2024-05-01T08:00:00"}, {"from", "Ann"}});
  EXPECT_EQ(stored, R"({"from":"me","date":"2024-05-01T08:00:00"})");
  EXPECT_TRUE(SameMetadata(stored, R"({"from":"me"})", {.properties = true}));
  EXPECT_FALSE(SameMetadata(stored, R"({"from":"me"})"));
  EXPECT_FALSE(SameMetadata(stored, "{}"));
  EXPECT_EQ(WithProperties(R"({"taken":"x"})", {{"date", "y"}}), R"({"taken":"x"})");
  EXPECT_EQ(WithProperties("{}", {{"subject", std::string(1 << 20, 'x')}, {"to", "Bob"}}),
            R"({"to":"Bob"})");
}

TEST(MetadataTest, ACaptionGoesBeforeATitle) {
  EXPECT_EQ(CaptionOf(R"({"title":"T","caption":"C"})"), "C");
  EXPECT_EQ(CaptionOf(R"({"title":"T","caption":""})"), "T");
  EXPECT_EQ(CaptionOf(R"({"title":7})"), "");
  EXPECT_EQ(CaptionOf("{}"), "");
}

}  // namespace
}  // namespace sightline::ingest
