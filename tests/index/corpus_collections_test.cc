#include <filesystem>
#include <fstream>

#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using CorpusCollectionsTest = CorpusFixture;

TEST_F(CorpusCollectionsTest, CreatesListsAndRemembersCollections) {
  ASSERT_THAT(corpus_->CreateCollection("b.2-x_Y", "other model", 8), IsOk());
  EXPECT_THAT(corpus_->CreateCollection("c", "model", 8),
              StatusIs(absl::StatusCode::kAlreadyExists));
  Reopen();
  ASSERT_OK_AND_ASSIGN(const auto all, corpus_->ListCollections());
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].name, "b.2-x_Y");
  EXPECT_EQ(all[0].model_fingerprint, "other model");
  EXPECT_EQ(all[0].dimension, 8);
  EXPECT_THAT(corpus_->GetCollection("nope"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CorpusCollectionsTest, RefusesNamesOutsideTheRuleEverywhere) {
  for (const std::string& name : {std::string(), std::string("../x"), std::string("a/b"),
                                  std::string(".hidden"), std::string(64, 'a'), std::string("a b"),
                                  std::string("a\0b", 3), std::string("ü"), std::string("\xff")}) {
    const auto refused = StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("collection name"));
    EXPECT_THAT(corpus_->CreateCollection(name, "m", 4), refused);
    EXPECT_THAT(corpus_->GetCollection(name), refused);
    EXPECT_THAT(corpus_->DeleteCollection(name), refused);
    EXPECT_THAT(corpus_->Stats(name), refused);
    SearchQuery query = TextQuery("x");
    query.collection = name;
    EXPECT_THAT(corpus_->Search(query), refused);
    EXPECT_THAT(corpus_->ListDocuments(name, "", 0, ""), refused);
  }
  EXPECT_THAT(corpus_->CreateCollection("d", "m", 0), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(corpus_->CreateCollection("d", "m", 1 << 30),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CorpusCollectionsTest, DeletingACollectionTakesAllThatIsItsOwnAndNothingElse) {
  ASSERT_THAT(corpus_->CreateCollection("other", "model", kTestDimension), IsOk());
  const std::string bytes = "shared picture";
  for (const char* name : {"c", "other"}) {
    DocumentWrite write = OnePassage("a", "apple", 1);
    write.document.collection = name;
    write.blobs = {{ContentHash(bytes), bytes, "image/png", 1, 1}};
    Job job;
    job.id = std::string("job of ") + name;
    job.collection = name;
    write.job = job;
    Put(write);
  }
  ASSERT_THAT(corpus_->Snapshot("c"), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto passages, corpus_->DocumentPassages("c", "a"));
  ASSERT_THAT(corpus_->DeleteCollection("c"), IsOk());
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(corpus_->GetCollection("c"), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(corpus_->GetPassage(passages[0].id), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(corpus_->GetJob("job of c"), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(corpus_->GetJob("job of other"), IsOk());
    EXPECT_THAT(corpus_->GetBlob(ContentHash(bytes)), IsOk());
    EXPECT_THAT(corpus_->GetDocument("other", "a"), IsOk());
    ExpectSound();
    Reopen();
  }
  // The same name anew is another collection: nothing of the old one shows, no id is used again.
  ASSERT_THAT(corpus_->CreateCollection("c", "model", kTestDimension), IsOk());
  EXPECT_THAT(Find(TextQuery("apple")), IsEmpty());
  Put(OnePassage("a", "pear", 1));
  ASSERT_OK_AND_ASSIGN(const auto fresh, corpus_->DocumentPassages("c", "a"));
  EXPECT_GT(fresh[0].id, passages[0].id);
  ExpectSound();
}

TEST_F(CorpusCollectionsTest, CollectionsDoNotSeeEachOther) {
  ASSERT_THAT(corpus_->CreateCollection("other", "model", kTestDimension), IsOk());
  Put(OnePassage("mine", "apple", 1));
  DocumentWrite write = OnePassage("theirs", "apple", 1);
  write.document.collection = "other";
  Put(write);
  EXPECT_THAT(Find(TextQuery("apple")), ElementsAre("mine"));
  EXPECT_THAT(Find(DenseQuery(UnitVector(1))), ElementsAre("mine"));
  EXPECT_THAT(corpus_->GetDocument("c", "theirs"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CorpusCollectionsTest, ASecondCorpusOnTheFolderIsRefusedWithTheHoldersProcess) {
  EXPECT_THAT(Corpus::Open(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("in use by another server (process " + std::to_string(getpid()))));
  corpus_.reset();
  EXPECT_THAT(Corpus::Open(options_), IsOk());
}

TEST_F(CorpusCollectionsTest, CountsWhatIsThere) {
  Put(OnePassage("a", "x", 1));
  DocumentWrite write = OnePassage("b", "y", 2);
  write.passages.push_back(TextPassage("lexical only", 3));
  write.passages[1].vector.clear();
  Put(write);
  ASSERT_THAT(corpus_->DeleteDocument("c", "a"), IsOk());
  ASSERT_OK_AND_ASSIGN(CollectionStats stats, corpus_->Stats("c"));
  EXPECT_EQ(stats.documents, 1);
  EXPECT_EQ(stats.passages, 2);
  EXPECT_EQ(stats.vectors, 1);
  EXPECT_EQ(stats.tombstones, 1);
  EXPECT_EQ(stats.sequence, 3);
  EXPECT_EQ(stats.index_sequence, 0);
  EXPECT_GT(stats.bytes, 0);
  ASSERT_OK_AND_ASSIGN(const int64_t covered, corpus_->Snapshot("c"));
  EXPECT_EQ(covered, 3);
  ASSERT_OK_AND_ASSIGN(stats, corpus_->Stats("c"));
  EXPECT_EQ(stats.index_sequence, 3);
}

TEST_F(CorpusCollectionsTest, ForeignFilesInTheFolderAreLeftAlone) {
  Put(OnePassage("a", "apple", 1));
  ASSERT_THAT(corpus_->Snapshot("c"), IsOk());
  corpus_.reset();
  const std::vector<std::string> foreign = {
      options_.path + "/notes.txt", options_.path + "/index/1/00000000000000000099.tmp",
      options_.path + "/index/1/zzz", options_.path + "/index/readme"};
  for (const std::string& path : foreign) std::ofstream(path) << "mine";
  Open();
  EXPECT_THAT(Find(TextQuery("apple")), ElementsAre("a"));
  ASSERT_THAT(corpus_->Snapshot("c"), IsOk());
  for (const std::string& path : foreign) EXPECT_TRUE(std::filesystem::exists(path)) << path;
}

}  // namespace
}  // namespace sightline::index
