#include "ingest/remote_write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/hash.h"
#include "ingest/members.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using sightline::testing::IsOk;
using sightline::testing::StatusIs;
using ::testing::HasSubstr;

class RemoteWriteTest : public ::testing::Test {
 protected:
  RemoteWriteTest() {
    asked_.id = "d";
    asked_.collection = "c";
    asked_.source = "/box.zip";
    asked_.content_hash = ContentHash("box");
    asked_.pipeline_fingerprint = "pipeline";
    write_.document.id = "another";
    write_.document.collection = "another";
    write_.document.pipeline_fingerprint = "another";
    write_.document.media_type = "text/plain";
    write_.document.pages = 1;
    write_.document.state = index::DocumentState::kIndexed;
    write_.blobs.push_back({.hash = ContentHash("pixels"),
                            .bytes = "pixels",
                            .media_type = "image/png",
                            .width = 2,
                            .height = 3});
    index::PassageWrite& passage = write_.passages.emplace_back();
    passage.passage.text = "words";
    passage.passage.page = 1;
    passage.passage.ordinal = 77;
    passage.passage.blob_hash = write_.blobs[0].hash;
    passage.vector = {0.6f, 0.8f};
  }

  absl::StatusOr<index::DocumentWrite> Adopt() {
    return AdoptWrite(asked_, write_, /*dimension=*/2, options_, limits_);
  }
  // What is said against what `write_` has become.
  void ExpectRefused(const std::string& message) {
    EXPECT_THAT(Adopt(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
  index::PassageWrite& passage() { return write_.passages[0]; }

  index::Document asked_;
  index::DocumentWrite write_;
  IngestOptions options_;
  media::MediaLimits limits_;
};

TEST_F(RemoteWriteTest, TakesWhatWasReadAndNotWhoseItIs) {
  ASSERT_OK_AND_ASSIGN(const index::DocumentWrite adopted, Adopt());
  EXPECT_EQ(adopted.document.id, "d");
  EXPECT_EQ(adopted.document.collection, "c");
  EXPECT_EQ(adopted.document.content_hash, asked_.content_hash);
  EXPECT_EQ(adopted.document.pipeline_fingerprint, "pipeline");
  EXPECT_EQ(adopted.document.media_type, "text/plain");
  EXPECT_EQ(adopted.document.pages, 1);
  ASSERT_EQ(adopted.passages.size(), 1u);
  EXPECT_EQ(adopted.passages[0].passage.ordinal, 0);
}

TEST_F(RemoteWriteTest, RefusesVectorsThatAreNone) {
  passage().vector = {std::numeric_limits<float>::quiet_NaN(), 1};
  ExpectRefused("passage 0");
  passage().vector = {std::numeric_limits<float>::infinity(), 0};
  ExpectRefused("passage 0");
  passage().vector = {0.6f, 0.8f, 0};
  ExpectRefused("passage 0");
  passage().vector = {3, 4};
  ExpectRefused("length");
  passage().vector = {};
  EXPECT_THAT(Adopt(), IsOk());
  passage().passage.text.clear();
  ExpectRefused("neither text nor vector");
}

TEST_F(RemoteWriteTest, RefusesPassagesThatNoReaderMakes) {
  const index::PassageWrite good = passage();
  passage().passage.text = "\xFF";
  ExpectRefused("text: expected UTF-8");
  passage() = good;
  passage().passage.heading = "\xC0\x80";
  ExpectRefused("heading: expected UTF-8");
  passage() = good;
  passage().passage.page = -1;
  ExpectRefused("page");
  passage() = good;
  passage().passage.page = limits_.max_pages + 1;
  ExpectRefused("page");
  passage() = good;
  passage().passage.kind = static_cast<index::PassageKind>(-1);
  ExpectRefused("kind");
  passage() = good;
  passage().passage.box = Box{0.5f, 0, std::nanf(""), 1};
  ExpectRefused("box");
  passage().passage.box.reset();
  passage().passage.lines = {{0, Box{0, 0, 1, 1}}, {4, std::nullopt}};
  EXPECT_THAT(Adopt(), IsOk());
  passage().passage.lines[1].begin = 5;
  ExpectRefused("lines");
  passage().passage.lines[1] = {4, Box{0, 0, std::nanf(""), 1}};
  ExpectRefused("lines");
  passage() = good;
  passage().passage.start = 3;
  ExpectRefused("time");
  passage().passage.end = 2;
  ExpectRefused("time");
  passage() = good;
  passage().passage.blob_hash = ContentHash("of another collection");
  ExpectRefused("its picture was not sent");
}

TEST_F(RemoteWriteTest, RefusesPicturesThatAreNotWhatTheySay) {
  write_.blobs[0].bytes = "others";
  ExpectRefused("hash");
  write_.blobs[0].bytes = "pixels";
  options_.max_picture_bytes = 5;
  ExpectRefused("pictures of more than 5 bytes");
  options_.max_picture_bytes = 6;
  EXPECT_THAT(Adopt(), IsOk());
  write_.blobs[0].width = 0;
  ExpectRefused("width");
}

TEST_F(RemoteWriteTest, RefusesAStateThatDoesNotGoWithTheRest) {
  write_.document.state = index::DocumentState::kFailed;
  ExpectRefused("state");
  write_.document.failures = {{.page = 1, .reason = "bad_page", .message = "no"}};
  ExpectRefused("state");
  write_.document.state = index::DocumentState::kPartial;
  EXPECT_THAT(Adopt(), IsOk());
  write_.document.state = static_cast<index::DocumentState>(17);
  ExpectRefused("state");
  write_.document.state = index::DocumentState::kPartial;
  write_.document.failures[0].message = std::string(kMaxRemoteMessage + 1, 'x');
  ExpectRefused("message of a failure");
}

TEST_F(RemoteWriteTest, RefusesMetadataThatAreNone) {
  write_.document.metadata_json = "[1]";
  ExpectRefused("metadata");
}

TEST_F(RemoteWriteTest, NamesMembersAfterTheirPathAlone) {
  const RemoteMember member = {
      .path = {"inner.zip", "a.txt"}, .content_hash = ContentHash("a"), .bytes = 1};
  ASSERT_OK_AND_ASSIGN(const index::Document document, RemoteMemberDocument(asked_, member));
  EXPECT_EQ(document.source, "/box.zip!/inner.zip!/a.txt");
  EXPECT_EQ(document.id, MemberId(MemberId("d", "inner.zip"), "a.txt"));
  EXPECT_EQ(document.collection, "c");
  EXPECT_EQ(document.content_hash, member.content_hash);
}

TEST_F(RemoteWriteTest, RefusesMembersThatCannotBe) {
  const RemoteMember good = {.path = {"a"}, .content_hash = ContentHash("a"), .bytes = 1};
  const auto refuses = [&](RemoteMember member) {
    EXPECT_THAT(RemoteMemberDocument(asked_, member), StatusIs(absl::StatusCode::kInvalidArgument));
  };
  EXPECT_THAT(RemoteMemberDocument(asked_, good), IsOk());
  refuses({.path = {}, .content_hash = good.content_hash, .bytes = 1});
  refuses({.path = {""}, .content_hash = good.content_hash, .bytes = 1});
  refuses({.path = {"a", "b", "c", "d"}, .content_hash = good.content_hash, .bytes = 1});
  refuses({.path = {"\xFF"}, .content_hash = good.content_hash, .bytes = 1});
  refuses({.path = {"a"}, .content_hash = "no hash", .bytes = 1});
  refuses({.path = {"a"}, .content_hash = good.content_hash, .bytes = -1});
}

}  // namespace
}  // namespace sightline::ingest
