#include <limits>

#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using CorpusDocumentsTest = CorpusFixture;

Blob PictureOf(const std::string& bytes) { return {ContentHash(bytes), bytes, "image/png", 4, 3}; }

TEST_F(CorpusDocumentsTest, KeepsEveryFieldOfADocumentAndItsPassages) {
  DocumentWrite write = OnePassage("a", "some text", 1, R"({"lang":"en"})");
  write.document.media_type = "application/pdf";
  write.document.content_hash = "abc";
  write.document.pipeline_fingerprint = "p1";
  write.document.state = DocumentState::kPartial;
  write.document.failures = {{3, "too_many_pixels", "page 3 is too large"}};
  write.document.bytes = 1234;
  write.document.pages = 7;
  write.blobs = {PictureOf("pixels")};
  Passage& passage = write.passages[0].passage;
  passage.ordinal = 5;
  passage.kind = PassageKind::kFigure;
  passage.heading = "One > Two";
  passage.page = 2;
  passage.box = Box{0.1f, 0.2f, 0.3f, 0.4f};
  passage.start = 1.5;
  passage.end = 2.5;
  passage.token_count = 9;
  passage.blob_hash = write.blobs[0].hash;
  Put(write);
  Reopen();

  ASSERT_OK_AND_ASSIGN(const Document document, corpus_->GetDocument("c", "a"));
  EXPECT_EQ(document.collection, "c");
  EXPECT_EQ(document.source, "file:///a");
  EXPECT_EQ(document.media_type, "application/pdf");
  EXPECT_EQ(document.content_hash, "abc");
  EXPECT_EQ(document.pipeline_fingerprint, "p1");
  EXPECT_EQ(document.version, 1);
  EXPECT_EQ(document.metadata_json, R"({"lang":"en"})");
  EXPECT_EQ(document.state, DocumentState::kPartial);
  ASSERT_THAT(document.failures, SizeIs(1));
  EXPECT_EQ(document.failures[0].page, 3);
  EXPECT_EQ(document.failures[0].reason, "too_many_pixels");
  EXPECT_EQ(document.bytes, 1234);
  EXPECT_EQ(document.pages, 7);
  EXPECT_EQ(document.passages, 1);
  EXPECT_GT(document.created, absl::UnixEpoch());
  EXPECT_EQ(document.created, document.updated);

  ASSERT_OK_AND_ASSIGN(const auto passages, corpus_->DocumentPassages("c", "a"));
  ASSERT_THAT(passages, SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const Passage read, corpus_->GetPassage(passages[0].id));
  EXPECT_EQ(read.document_id, "a");
  EXPECT_EQ(read.collection, "c");
  EXPECT_EQ(read.source, "file:///a");
  EXPECT_EQ(read.ordinal, 5);
  EXPECT_EQ(read.kind, PassageKind::kFigure);
  EXPECT_EQ(read.text, "some text");
  EXPECT_EQ(read.heading, "One > Two");
  EXPECT_EQ(read.page, 2);
  EXPECT_EQ(read.box->y1, 0.4f);
  EXPECT_EQ(read.start, 1.5);
  EXPECT_EQ(read.end, 2.5);
  EXPECT_EQ(read.token_count, 9);
  EXPECT_EQ(read.metadata_json, R"({"lang":"en"})");
  ASSERT_OK_AND_ASSIGN(const Blob blob, corpus_->GetBlob(read.blob_hash));
  EXPECT_EQ(blob.bytes, "pixels");
  EXPECT_EQ(blob.media_type, "image/png");
  EXPECT_EQ(blob.width, 4);
  EXPECT_EQ(blob.height, 3);
}

TEST_F(CorpusDocumentsTest, ReplacingKeepsIdAndCreationAndTakesTheOldPassagesAway) {
  Put(OnePassage("a", "the old words", 1));
  ASSERT_OK_AND_ASSIGN(const auto before, corpus_->GetDocument("c", "a"));
  ASSERT_OK_AND_ASSIGN(const auto old, corpus_->DocumentPassages("c", "a"));
  ASSERT_OK_AND_ASSIGN(const Document after,
                       corpus_->PutDocument(OnePassage("a", "fresh words", 2)));
  EXPECT_EQ(after.version, 2);
  EXPECT_EQ(after.created, before.created);
  ASSERT_OK_AND_ASSIGN(const auto passages, corpus_->DocumentPassages("c", "a"));
  ASSERT_THAT(passages, SizeIs(1));
  EXPECT_EQ(passages[0].text, "fresh words");
  EXPECT_GT(passages[0].id, old[0].id);
  EXPECT_THAT(corpus_->GetPassage(old[0].id), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Find(TextQuery("old")), IsEmpty());
  EXPECT_THAT(Find(TextQuery("fresh")), ElementsAre("a"));
  ASSERT_OK_AND_ASSIGN(const SearchResult dense, corpus_->Search(DenseQuery(UnitVector(1))));
  ASSERT_THAT(dense.hits, SizeIs(1));
  EXPECT_EQ(dense.hits[0].passage.text, "fresh words");
  ExpectSound();
}

TEST_F(CorpusDocumentsTest, ADeletedDocumentIsGoneFromTheNextReadAndSearchAndAfterAReopen) {
  Put(OnePassage("a", "apple", 1));
  Put(OnePassage("b", "apple", 2));
  ASSERT_OK_AND_ASSIGN(const auto passages, corpus_->DocumentPassages("c", "a"));
  ASSERT_OK_AND_ASSIGN(const int gone, corpus_->DeleteDocument("c", "a"));
  EXPECT_EQ(gone, 1);
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(corpus_->GetDocument("c", "a"), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(corpus_->GetPassage(passages[0].id), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(Find(TextQuery("apple")), ElementsAre("b"));
    EXPECT_THAT(Find(DenseQuery(UnitVector(1))), ElementsAre("b"));
    EXPECT_THAT(corpus_->DeleteDocument("c", "a"), StatusIs(absl::StatusCode::kNotFound));
    ExpectSound();
    Reopen();
  }
}

TEST_F(CorpusDocumentsTest, PassageIdsAreNeverUsedTwice) {
  Put(OnePassage("a", "x", 1));
  ASSERT_OK_AND_ASSIGN(const auto first, corpus_->DocumentPassages("c", "a"));
  ASSERT_THAT(corpus_->DeleteDocument("c", "a"), IsOk());
  Reopen();
  Put(OnePassage("a", "x", 1));
  ASSERT_OK_AND_ASSIGN(const auto second, corpus_->DocumentPassages("c", "a"));
  EXPECT_GT(second[0].id, first[0].id);
}

TEST_F(CorpusDocumentsTest, RefusesVectorsThatAreNotUnitVectorsOfTheCollection) {
  const auto put = [&](std::vector<float> vector) {
    DocumentWrite write = OnePassage("a", "x", 1);
    write.passages[0].vector = std::move(vector);
    return corpus_->PutDocument(std::move(write)).status();
  };
  const std::vector<float> good = UnitVector(1);
  std::vector<float> bad = good;
  bad[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(put(bad), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not finite")));
  bad[3] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(put(bad), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not finite")));
  bad[3] = 1e38f;
  EXPECT_THAT(put(bad), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("length")));
  EXPECT_THAT(put(std::vector<float>(kTestDimension, 0.0f)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("length 0")));
  EXPECT_THAT(put(std::vector<float>(kTestDimension, -0.0f)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(put(std::vector<float>(kTestDimension, 1e-40f)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(put(UnitVector(1, kTestDimension + 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("passage 0")));
  EXPECT_THAT(corpus_->GetDocument("c", "a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(put(good), IsOk());
  ExpectSound();
}

TEST_F(CorpusDocumentsTest, ARefusedWriteChangesNothing) {
  Put(OnePassage("a", "kept", 1));
  DocumentWrite write = OnePassage("a", "never", 2);
  write.passages.push_back(TextPassage("never", 3));
  write.passages[1].passage.blob_hash = ContentHash("nobody has it");
  EXPECT_THAT(corpus_->PutDocument(write),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("neither")));
  write = OnePassage("a", "never", 2, "[1]");
  EXPECT_THAT(corpus_->PutDocument(write),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("metadata")));
  write = OnePassage("a", "never", 2);
  write.passages[0].passage.lines = {{.begin = 5, .box = std::nullopt}};  // behind the text
  EXPECT_THAT(corpus_->PutDocument(write),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lines")));
  EXPECT_THAT(Find(TextQuery("never")), IsEmpty());
  EXPECT_THAT(Find(TextQuery("kept")), ElementsAre("a"));
  // What the refused write had begun to lay out is taken over by the next one.
  Put(OnePassage("b", "later", 4));
  EXPECT_THAT(Find(DenseQuery(UnitVector(4), 1)), ElementsAre("b"));
  ExpectSound();
}

TEST_F(CorpusDocumentsTest, APictureGoesWithItsLastDocument) {
  const Blob picture = PictureOf("shared");
  for (const char* id : {"a", "b"}) {
    DocumentWrite write = OnePassage(id, "x", 1);
    write.passages[0].passage.blob_hash = picture.hash;
    write.passages.push_back(write.passages[0]);
    // The second document need not send the bytes again.
    if (std::string(id) == "a") write.blobs = {picture};
    Put(std::move(write));
  }
  ASSERT_THAT(corpus_->DeleteDocument("c", "a"), IsOk());
  EXPECT_THAT(corpus_->GetBlob(picture.hash), IsOk());
  ExpectSound();
  Put(OnePassage("b", "without picture", 1));
  EXPECT_THAT(corpus_->GetBlob(picture.hash), StatusIs(absl::StatusCode::kNotFound));
  ExpectSound();
}

TEST_F(CorpusDocumentsTest, RefusesAPictureUnderAnotherHash) {
  DocumentWrite write = OnePassage("a", "x", 1);
  write.blobs = {{ContentHash("one"), "other", "image/png", 1, 1}};
  EXPECT_THAT(corpus_->PutDocument(write), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CorpusDocumentsTest, ListsDocumentsInPagesThatMissNoneAndRepeatNone) {
  for (int i = 0; i < 25; ++i) {
    Put(OnePassage("doc" + std::to_string(100 + i), "x", i,
                   i % 2 == 0 ? R"({"even":true})" : "{}"));
  }
  for (const std::string& filter : {std::string(), std::string("even")}) {
    std::vector<std::string> ids;
    std::string token;
    do {
      ASSERT_OK_AND_ASSIGN(const auto page, corpus_->ListDocuments("c", filter, 4, token));
      EXPECT_LE(page.items.size(), 4u);
      for (const Document& document : page.items) ids.push_back(document.id);
      token = page.next_token;
    } while (!token.empty());
    std::vector<std::string> expected;
    for (int i = 0; i < 25; ++i) {
      if (filter.empty() || i % 2 == 0) expected.push_back("doc" + std::to_string(100 + i));
    }
    EXPECT_EQ(ids, expected);
  }
}

TEST_F(CorpusDocumentsTest, RefusesAPageTokenThatIsNotOfTheList) {
  for (int i = 0; i < 3; ++i) Put(OnePassage("d" + std::to_string(i), "x", i));
  ASSERT_OK_AND_ASSIGN(const auto page, corpus_->ListDocuments("c", "", 1, ""));
  ASSERT_FALSE(page.next_token.empty());
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page token"));
  EXPECT_THAT(corpus_->ListDocuments("c", "NOT x", 1, page.next_token), refused);
  EXPECT_THAT(corpus_->ListDocuments("c", "", 1, page.next_token + "x"), refused);
  EXPECT_THAT(corpus_->ListDocuments("c", "", 1, "%%%"), refused);
  EXPECT_THAT(corpus_->ListDocuments("c", "", 1, std::string(100'000, 'A')), refused);
  EXPECT_THAT(corpus_->ListDocuments("c", "", -1, ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(corpus_->ListDocuments("c", "year >", 1, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at byte 6")));
  EXPECT_THAT(corpus_->ListDocuments("c", "_page = 1", 1, ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CorpusDocumentsTest, IdsAreKeysWhateverTheyLookLike) {
  for (const std::string& id :
       {std::string("../../etc/passwd"), std::string("/"), std::string("."), std::string("a\\b"),
        std::string("%00"), std::string("\u202Egnp.exe"), std::string("😀"),
        std::string(512, 'x')}) {
    Put(OnePassage(id, "x", 1));
    ASSERT_OK_AND_ASSIGN(const Document document, corpus_->GetDocument("c", id));
    EXPECT_EQ(document.id, id);
  }
  for (const std::string& id :
       {std::string(), std::string("a\0b", 3), std::string("a\nb"), std::string(513, 'x'),
        std::string(64 << 10, 'x'), std::string("\xff\xff"), std::string("\xc2\x85")}) {
    EXPECT_THAT(corpus_->PutDocument(OnePassage(id, "x", 1)),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(corpus_->GetDocument("c", id), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(corpus_->DeleteDocument("c", id), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  ExpectSound();
}

TEST_F(CorpusDocumentsTest, RefusesDocumentsWhenTheDiskIsNearlyFullButStillDeletes) {
  Put(OnePassage("a", "x", 1));
  options_.min_free_bytes = std::numeric_limits<int64_t>::max();
  Reopen();
  EXPECT_THAT(corpus_->PutDocument(OnePassage("b", "x", 1)),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(corpus_->DeleteDocument("c", "a"), IsOk());
}

TEST_F(CorpusDocumentsTest, HandlesADocumentWithThousandsOfPassages) {
  DocumentWrite write = OnePassage("big", "first", 0);
  for (int i = 1; i < 6000; ++i) {
    write.passages.push_back(TextPassage("word" + std::to_string(i % 7) + " common", i));
  }
  Put(write);
  ExpectSound();
  write.passages.resize(5);
  Put(write);
  ExpectSound();
  // So many dead vectors are compacted away behind.
  corpus_->WaitForUpkeep();
  ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
  EXPECT_EQ(stats.passages, 5);
  EXPECT_EQ(stats.tombstones, 0);
  ExpectSound();
}

TEST_F(CorpusDocumentsTest, StoredVectorsCanBeReadBack) {
  DocumentWrite write = OnePassage("a", "one", 1);
  write.passages.push_back(TextPassage("two", 2));
  PassageWrite words;
  words.passage.text = "three";
  write.passages.push_back(words);
  Put(std::move(write));
  Put([&] {
    DocumentWrite out = OnePassage("b", "", 3);
    out.passages = {words};
    return out;
  }());
  ASSERT_OK_AND_ASSIGN(const auto passages, corpus_->DocumentPassages("c", "a"));
  ASSERT_OK_AND_ASSIGN(const auto first, corpus_->PassageVector("c", passages[0].id));
  const auto one = UnitVector(1);
  const auto two = UnitVector(2);
  ASSERT_EQ(first.size(), one.size());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(first[i], one[i], 1e-3);
  ASSERT_OK_AND_ASSIGN(const auto mean, corpus_->DocumentVector("c", "a"));
  double squares = 0;
  for (size_t i = 0; i < one.size(); ++i) squares += (one[i] + two[i]) * (one[i] + two[i]);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_NEAR(mean[i], (one[i] + two[i]) / std::sqrt(squares), 1e-3);
  }
  EXPECT_THAT(corpus_->PassageVector("c", passages[2].id),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(corpus_->DocumentVector("c", "b"), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(corpus_->PassageVector("c", 99), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(corpus_->DocumentVector("c", "z"), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(corpus_->CreateCollection("d", "model", kTestDimension), IsOk());
  EXPECT_THAT(corpus_->PassageVector("d", passages[0].id), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(corpus_->DeleteDocument("c", "a"), IsOk());
  EXPECT_THAT(corpus_->PassageVector("c", passages[0].id), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CorpusDocumentsTest, NeighboursAreOfTheSameDocument) {
  Put(OnePassage("a", "before", 1));
  DocumentWrite write = OnePassage("b", "one", 2);
  for (const char* text : {"two", "three", "four"}) write.passages.push_back(TextPassage(text, 3));
  Put(std::move(write));
  Put(OnePassage("d", "behind", 4));
  ASSERT_OK_AND_ASSIGN(const auto passages, corpus_->DocumentPassages("c", "b"));
  const auto around = [&](int place, int n) {
    std::vector<std::string> texts;
    const auto found = corpus_->Neighbours(passages[place].id, n);
    EXPECT_THAT(found, IsOk());
    for (const Passage& passage : *found) texts.push_back(passage.text);
    return texts;
  };
  EXPECT_THAT(around(0, 1), ElementsAre("two"));
  EXPECT_THAT(around(1, 1), ElementsAre("one", "three"));
  EXPECT_THAT(around(3, 5), ElementsAre("one", "two", "three"));
  EXPECT_THAT(around(1, 0), ElementsAre());
  EXPECT_THAT(corpus_->Neighbours(99, 1), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace sightline::index
