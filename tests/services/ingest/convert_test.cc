#include "services/ingest/convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

using sightline::testing::IsOk;
using sightline::testing::StatusIs;

TEST(ConvertTest, ADocumentKeepsAllItsFields) {
  index::Document document;
  document.id = "d";
  document.collection = "c";
  document.source = "a/b.pdf";
  document.media_type = "application/pdf";
  document.content_hash = "ab";
  document.version = 7;
  document.metadata_json = R"({"year":2023,"tags":["x"],"ok":true,"none":null})";
  document.state = index::DocumentState::kPartial;
  document.failures = {{.page = 2, .reason = "timeout", .message = "slow"}};
  document.bytes = int64_t{5} << 32;
  document.pages = 3;
  document.passages = 4;
  document.created = absl::FromUnixMillis(1'700'000'000'123);
  const v1::Document out = ToProto(document);
  EXPECT_EQ(out.document_id(), "d");
  EXPECT_EQ(out.collection(), "c");
  EXPECT_EQ(out.source(), "a/b.pdf");
  EXPECT_EQ(out.media_type(), "application/pdf");
  EXPECT_EQ(out.content_hash(), "ab");
  EXPECT_EQ(out.version(), 7);
  EXPECT_EQ(out.metadata().fields().at("year").number_value(), 2023);
  EXPECT_EQ(out.metadata().fields().at("tags").list_value().values(0).string_value(), "x");
  EXPECT_EQ(out.state(), v1::DOCUMENT_STATE_PARTIAL);
  ASSERT_EQ(out.failures_size(), 1);
  EXPECT_EQ(out.failures(0).page(), 2);
  EXPECT_EQ(out.failures(0).reason(), "timeout");
  EXPECT_EQ(out.failures(0).message(), "slow");
  EXPECT_EQ(out.bytes(), int64_t{5} << 32);
  EXPECT_EQ(out.pages(), 3);
  EXPECT_EQ(out.passages(), 4);
  EXPECT_EQ(out.created().seconds(), 1'700'000'000);
  EXPECT_EQ(out.created().nanos(), 123'000'000);
}

TEST(ConvertTest, AJobKeepsAllItsFieldsButNotItsFile) {
  index::Job job;
  job.id = "j";
  job.collection = "c";
  job.document_id = "d";
  job.source = "s";
  job.spool_path = "file";
  job.state = index::JobState::kFailed;
  job.attempts = 3;
  job.failures = {{.page = 0, .reason = "empty", .message = "m"}};
  const v1::Job out = ToProto(job);
  EXPECT_EQ(out.job_id(), "j");
  EXPECT_EQ(out.collection(), "c");
  EXPECT_EQ(out.document_id(), "d");
  EXPECT_EQ(out.source(), "s");
  EXPECT_EQ(out.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(out.attempts(), 3);
  EXPECT_EQ(out.failures(0).reason(), "empty");
  EXPECT_EQ(out.SerializeAsString().find("file"), std::string::npos);
}

TEST(ConvertTest, MetadataGoesThereAndBack) {
  ASSERT_OK_AND_ASSIGN(const auto fields, StructFromJson(R"({"a":{"b":[1,"é",false]},"n":null})"));
  ASSERT_OK_AND_ASSIGN(const std::string json, JsonFromStruct(fields));
  ASSERT_OK_AND_ASSIGN(const auto again, StructFromJson(json));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(again, fields));
  EXPECT_THAT(StructFromJson("[1]"), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ConvertTest, AWholeNumberStaysWithoutAFraction) {
  google::protobuf::Struct fields;
  (*fields.mutable_fields())["year"].set_number_value(2023);
  EXPECT_EQ(*JsonFromStruct(fields), R"({"year":2023})");
}

TEST(ConvertTest, ValuesThatJsonDoesNotHaveAreRefusedByName) {
  google::protobuf::Struct fields;
  (*fields.mutable_fields())["empty"];
  EXPECT_THAT(JsonFromStruct(fields),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("empty")));
  fields.Clear();
  auto& inner = *(*fields.mutable_fields())["a"].mutable_struct_value()->mutable_fields();
  inner["b"].mutable_list_value()->add_values()->set_number_value(
      std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(JsonFromStruct(fields),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("a: b: a number")));
}

TEST(ConvertTest, JobStatesComeBack) {
  EXPECT_EQ(*JobStateFromProto(v1::JOB_STATE_UNSPECIFIED), std::nullopt);
  EXPECT_EQ(*JobStateFromProto(v1::JOB_STATE_RUNNING), index::JobState::kRunning);
  EXPECT_THAT(JobStateFromProto(static_cast<v1::JobState>(99)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace sightline::services
