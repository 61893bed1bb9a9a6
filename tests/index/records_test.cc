#include "index/records.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

DocumentRecord SampleDocument() {
  DocumentRecord record;
  record.document.id = "a";
  record.document.collection = "c";
  record.document.failures = {{1, "encrypted", "page 1"}};
  record.document.metadata_json = R"({"a":1})";
  record.document.version = 7;
  record.number = 3;
  record.first_passage = 40;
  record.passages = {{PassageKind::kTable, 2, 11, true}, {PassageKind::kText, 0, 0, false}};
  record.blob_hashes = {"h1", "h2"};
  return record;
}

Passage SamplePassage() {
  Passage passage;
  passage.document_id = "a";
  passage.text = "text";
  passage.box = Box{0, 0.25f, 0.5f, 1};
  passage.start = 1;
  return passage;
}

TEST(RecordsTest, APassageHasAHashOrNone) {
  ASSERT_OK_AND_ASSIGN(const Passage without, DecodePassage(Encode(SamplePassage())));
  EXPECT_FALSE(without.picture_hash.has_value());
  EXPECT_EQ(Encode(SamplePassage())[0], 1) << "readable for programs of before";
  Passage passage = SamplePassage();
  passage.picture_hash = 0x8000000000000001;
  ASSERT_OK_AND_ASSIGN(const Passage with, DecodePassage(Encode(passage)));
  EXPECT_EQ(with.picture_hash, 0x8000000000000001);
  EXPECT_EQ(with.text, "text");
}

TEST(RecordsTest, HowSureAReaderWasComesBackBesideAHashOrNone) {
  Passage passage = SamplePassage();
  passage.ocr_confidence = 0.75f;
  ASSERT_OK_AND_ASSIGN(const Passage read, DecodePassage(Encode(passage)));
  EXPECT_EQ(read.ocr_confidence, 0.75f);
  EXPECT_FALSE(read.picture_hash.has_value());
  passage.picture_hash = 7;
  ASSERT_OK_AND_ASSIGN(const Passage both, DecodePassage(Encode(passage)));
  EXPECT_EQ(both.ocr_confidence, 0.75f);
  EXPECT_EQ(both.picture_hash, 7u);
}

Passage LinedPassage() {
  Passage passage = SamplePassage();
  passage.text = std::string(300, 'x');
  passage.lines = {
      {0, Box{0, 0.25f, 0.5f, 1}}, {7, std::nullopt}, {200, Box{0.1f, 0.2f, 0.100001f, 0.3f}}};
  return passage;
}

TEST(RecordsTest, LinesComeBackBesideWhatElseThereIs) {
  for (const bool read : {false, true}) {
    for (const bool hashed : {false, true}) {
      Passage passage = LinedPassage();
      if (read) passage.ocr_confidence = 0.75f;
      if (hashed) passage.picture_hash = 7;
      const std::string bytes = Encode(passage);
      EXPECT_EQ(bytes[0], 4) << "earlier programs refuse it";
      ASSERT_OK_AND_ASSIGN(const Passage back, DecodePassage(bytes));
      EXPECT_EQ(back.ocr_confidence, passage.ocr_confidence);
      EXPECT_EQ(back.picture_hash, passage.picture_hash);
      ASSERT_EQ(back.lines.size(), 3u);
      EXPECT_EQ(back.lines[0].begin, 0u);
      EXPECT_EQ(back.lines[1].begin, 7u);
      EXPECT_EQ(back.lines[2].begin, 200u);
      EXPECT_FALSE(back.lines[1].box.has_value());
      EXPECT_EQ(back.lines[0].box->x0, 0);
      EXPECT_EQ(back.lines[0].box->y1, 1);
      EXPECT_NEAR(back.lines[0].box->y0, 0.25, 1.0 / 65535);
      const Box& thin = *back.lines[2].box;
      EXPECT_NEAR(thin.x0, 0.1, 1.0 / 65535);
      EXPECT_LT(thin.x0, thin.x1);
      EXPECT_EQ(Encode(back), bytes) << "copies stay what they are";
    }
  }
}

TEST(RecordsTest, LinesThatCannotBeAreDataLoss) {
  Passage passage = LinedPassage();
  passage.lines[2].begin = 300;
  EXPECT_THAT(DecodePassage(Encode(passage)), StatusIs(absl::StatusCode::kDataLoss));
  passage.lines = {{4, std::nullopt}, {4, std::nullopt}};
  EXPECT_THAT(DecodePassage(Encode(passage)), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(RecordsTest, PassagesWithoutLinesAreReadableForEarlierPrograms) {
  Passage passage = SamplePassage();
  EXPECT_EQ(Encode(passage)[0], 1);
  passage.picture_hash = 7;
  EXPECT_EQ(Encode(passage)[0], 2);
  passage.ocr_confidence = 0.5f;
  EXPECT_EQ(Encode(passage)[0], 3);
}

Job SampleJob() {
  Job job;
  job.id = "j";
  job.options_json = "{}";
  job.failures = {{0, "r", "m"}};
  job.created = absl::FromUnixSeconds(5);
  return job;
}

TEST(RecordsTest, ADocumentComesBackAsItWas) {
  ASSERT_OK_AND_ASSIGN(const DocumentRecord read, DecodeDocument(Encode(SampleDocument())));
  EXPECT_EQ(read.document.version, 7);
  EXPECT_EQ(read.document.passages, 2);
  EXPECT_EQ(read.number, 3u);
  EXPECT_EQ(read.first_passage, 40u);
  ASSERT_EQ(read.passages.size(), 2u);
  EXPECT_EQ(read.passages[0].kind, PassageKind::kTable);
  EXPECT_EQ(read.passages[0].length, 11u);
  EXPECT_TRUE(read.passages[0].has_vector);
  EXPECT_EQ(read.blob_hashes[1], "h2");
}

TEST(RecordsTest, ADocumentWithoutValidatorsIsReadableForEarlierPrograms) {
  DocumentRecord record = SampleDocument();
  const std::string plain = Encode(record);
  EXPECT_EQ(plain[0], 1);
  record.document.etag = "\"x\"";
  record.document.last_modified = "today";
  const std::string fetched = Encode(record);
  EXPECT_EQ(fetched[0], 2);
  EXPECT_EQ(fetched.substr(1, plain.size() - 1), plain.substr(1));
  ASSERT_OK_AND_ASSIGN(const DocumentRecord read, DecodeDocument(fetched));
  EXPECT_EQ(read.document.etag, "\"x\"");
  EXPECT_EQ(read.document.last_modified, "today");
}

TEST(RecordsTest, CompactVectorsAreOfANewerVersion) {
  for (const VectorCodes codes : {VectorCodes::kBinary, VectorCodes::kPq}) {
    const CollectionRecord record = {4, {"c", "m", 8, absl::UnixEpoch(), PatchCodes::kNone, codes}};
    std::string bytes = Encode(record);
    EXPECT_EQ(bytes[0], 4) << "programs that know bytes alone refuse it";
    ASSERT_OK_AND_ASSIGN(const CollectionRecord read, DecodeCollection(bytes));
    EXPECT_EQ(read.collection.vectors, codes);
    bytes[0] = 3;
    EXPECT_THAT(DecodeCollection(bytes), StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(RecordsTest, HowVectorsAreKeptComesBack) {
  for (const PatchCodes patches : {PatchCodes::kNone, PatchCodes::kBinary}) {
    const CollectionRecord record = {4,
                                     {"c", "m", 8, absl::UnixEpoch(), patches, VectorCodes::kInt8}};
    const std::string bytes = Encode(record);
    EXPECT_EQ(bytes[0], 3) << "earlier programs refuse it";
    ASSERT_OK_AND_ASSIGN(const CollectionRecord read, DecodeCollection(bytes));
    EXPECT_EQ(read.collection.patches, patches);
    EXPECT_EQ(read.collection.vectors, VectorCodes::kInt8);
    std::string unknown = bytes;
    unknown.back() = 9;
    EXPECT_THAT(DecodeCollection(unknown), StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(RecordsTest, WhatIsKeptOfPatchesComesBack) {
  for (const PatchCodes codes : {PatchCodes::kNone, PatchCodes::kBinary, PatchCodes::kInt8}) {
    const CollectionRecord record = {4, {"c", "m", 8, absl::UnixEpoch(), codes}};
    const std::string bytes = Encode(record);
    EXPECT_EQ(bytes[0], codes == PatchCodes::kNone ? 1 : 2);  // earlier programs read the first
    const auto read = DecodeCollection(bytes);
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(read->collection.patches, codes);
    EXPECT_EQ(read->collection.created, absl::UnixEpoch());
  }
  DocumentRecord document = SampleDocument();
  document.passages = {{PassageKind::kPage, 1, 0, true, true},
                       {PassageKind::kText, 1, 3, true, false},
                       {PassageKind::kText, 1, 3, false, false}};
  const auto read = DecodeDocument(Encode(document));
  ASSERT_THAT(read, IsOk());
  ASSERT_EQ(read->passages.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read->passages[i].has_vector, document.passages[i].has_vector) << i;
    EXPECT_EQ(read->passages[i].has_patches, document.passages[i].has_patches) << i;
  }
}

TEST(RecordsTest, TheEmptyAndTheExtremeComeBack) {
  Job job = SampleJob();
  job.attempts = -1;
  job.created = absl::FromUnixMicros(INT64_MIN + 1);
  ASSERT_OK_AND_ASSIGN(const Job read, DecodeJob(Encode(job)));
  EXPECT_EQ(read.attempts, -1);
  EXPECT_EQ(read.created, job.created);
  Counters counters;
  counters.sequence = INT64_MAX;
  counters.next_passage = UINT32_MAX;
  counters.change = "drawn";
  ASSERT_OK_AND_ASSIGN(const Counters back, DecodeCounters(Encode(counters)));
  EXPECT_EQ(back.sequence, INT64_MAX);
  EXPECT_EQ(back.next_passage, UINT32_MAX);
  EXPECT_EQ(back.change, "drawn");
}

TEST(RecordsTest, ReadsTotalsOfTheVersionWithoutAChange) {
  std::string bytes = Encode(Counters());
  bytes[0] = 1;
  bytes.pop_back();  // the empty change
  ASSERT_OK_AND_ASSIGN(const Counters back, DecodeCounters(bytes));
  EXPECT_EQ(back.next_document, 1);
  EXPECT_EQ(back.change, "");
}

// Every decoder with a record it reads.
struct Format {
  const char* name;
  std::string bytes;
  std::function<absl::Status(const std::string&)> decode;
};

std::vector<Format> AllFormats() {
  Tombstone tombstone = {"a", 1, 2, 3, absl::UnixEpoch()};
  CollectionRecord collection = {4, {"c", "m", 8, absl::UnixEpoch()}};
  CollectionRecord patched = {4, {"c", "m", 8, absl::UnixEpoch(), PatchCodes::kInt8}};
  Blob blob = {"h", "bytes", "image/png", 1, 2};
  DocumentRecord fetched = SampleDocument();
  fetched.document.etag = "x";
  return {
      {"meta", Encode(MetaRecord()), [](auto& b) { return DecodeMeta(b).status(); }},
      {"collection", Encode(collection), [](auto& b) { return DecodeCollection(b).status(); }},
      {"patched collection", Encode(patched), [](auto& b) { return DecodeCollection(b).status(); }},
      {"document", Encode(SampleDocument()), [](auto& b) { return DecodeDocument(b).status(); }},
      {"fetched document", Encode(fetched), [](auto& b) { return DecodeDocument(b).status(); }},
      {"counters", Encode(Counters()), [](auto& b) { return DecodeCounters(b).status(); }},
      {"tombstone", Encode(tombstone), [](auto& b) { return DecodeTombstone(b).status(); }},
      {"job", Encode(SampleJob()), [](auto& b) { return DecodeJob(b).status(); }},
      {"blob", Encode(blob), [](auto& b) { return DecodeBlob(b).status(); }},
      {"passage", Encode(SamplePassage()), [](auto& b) { return DecodePassage(b).status(); }},
      {"lined passage", Encode(LinedPassage()), [](auto& b) { return DecodePassage(b).status(); }},
      {"references", EncodeReferences(3), [](auto& b) { return DecodeReferences(b).status(); }},
  };
}

TEST(RecordsTest, EveryTruncationAndEveryTailIsDataLoss) {
  for (const Format& format : AllFormats()) {
    EXPECT_THAT(format.decode(format.bytes), IsOk()) << format.name;
    for (size_t size = 0; size < format.bytes.size(); ++size) {
      EXPECT_THAT(format.decode(format.bytes.substr(0, size)),
                  StatusIs(absl::StatusCode::kDataLoss))
          << format.name << " cut to " << size;
    }
    EXPECT_THAT(format.decode(format.bytes + "x"), StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(RecordsTest, ANewerVersionIsRefusedAsSuch) {
  for (const Format& format : AllFormats()) {
    std::string bytes = format.bytes;
    bytes[0] = 9;
    EXPECT_THAT(format.decode(bytes),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("newer program")))
        << format.name;
  }
}

TEST(RecordsTest, FlippedBytesNeverBreakADecoder) {
  std::mt19937 random(11);
  for (const Format& format : AllFormats()) {
    for (int round = 0; round < 2000; ++round) {
      std::string bytes = format.bytes;
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
      format.decode(bytes).IgnoreError();
    }
  }
}

}  // namespace
}  // namespace sightline::index
