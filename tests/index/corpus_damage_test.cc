#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "index/key_codec.h"
#include "index/posting_list.h"
#include "index/store.h"
#include "index/text_analyzer.h"
#include "rocksdb/write_batch.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint32_t kFirst = 1;  // number of the collection the fixture makes

// Changes the store behind the corpus's back.
class CorpusDamageTest : public CorpusFixture {
 protected:
  void Change(const std::function<void(rocksdb::WriteBatch&)>& change) {
    corpus_.reset();
    auto store = Store::Open(options_.path + "/store");
    ASSERT_THAT(store, IsOk());
    rocksdb::WriteBatch batch;
    change(batch);
    ASSERT_THAT((*store)->Write(batch), IsOk());
  }
  std::vector<std::string> Problems() {
    auto report = corpus_->Fsck();
    EXPECT_THAT(report, IsOk());
    return report.ok() ? report->problems : std::vector<std::string>();
  }
};

TEST_F(CorpusDamageTest, PostingsOfAnotherAnalyzerAreMadeAnewWhenOpened) {
  for (int i = 0; i < 40; ++i) {
    Put(OnePassage("d" + std::to_string((i * 7) % 40), "apple number" + std::to_string(i), i));
  }
  Change([](rocksdb::WriteBatch& batch) {
    batch.Put(AnalyzerKey(kFirst), "0 icu 1.0");
    batch.DeleteRange(PostingsPrefix(kFirst), PrefixEnd(PostingsPrefix(kFirst)));
    batch.Put(PostingKey(kFirst, "stale", 0), "");
  });
  Open();
  EXPECT_EQ(Find(TextQuery("apple", 100)).size(), 40u);
  EXPECT_EQ(Find(TextQuery("number7")).size(), 1u);
  ExpectSound();
}

TEST_F(CorpusDamageTest, AStoreOfFormat1IsBroughtUpToDateWhenOpened) {
  for (int i = 0; i < 40; ++i) {
    Put(OnePassage("d" + std::to_string(i), "apple number" + std::to_string(i), i));
  }
  // As format 1 left it: postings without lengths, and the analyzer's version alone.
  ASSERT_OK_AND_ASSIGN(const auto analyzer, TextAnalyzer::Create());
  Change([&](rocksdb::WriteBatch& batch) {
    batch.Put(MetaKey(), std::string("\x01\x01\x02", 3));
    batch.Put(AnalyzerKey(kFirst), analyzer->version());
    batch.DeleteRange(PostingsPrefix(kFirst), PrefixEnd(PostingsPrefix(kFirst)));
    batch.Merge(PostingKey(kFirst, "apple", 0), std::string("\x01\x04\x01\x01\x01\x01", 6));
  });
  Open();
  EXPECT_EQ(Find(TextQuery("apple", 100)).size(), 40u);
  EXPECT_EQ(Find(TextQuery("number7")).size(), 1u);
  ExpectSound();
  corpus_.reset();
  ASSERT_OK_AND_ASSIGN(const auto store, Store::Open(options_.path + "/store"));
  ASSERT_OK_AND_ASSIGN(const auto meta, store->Get(MetaKey(), nullptr));
  EXPECT_EQ(*meta, std::string("\x01\x02\x02", 3)) << "format 2, which older programs refuse";
}

TEST_F(CorpusDamageTest, FsckComparesPostingsWithTheLengthsOfTheirTexts) {
  Put(OnePassage("a", "apple pear", 1));
  Change([](rocksdb::WriteBatch& batch) {
    batch.Put(PostingKey(kFirst, "apple", 0), EncodeAdd(std::vector<Posting>{{1, 1, 3}}));
  });
  Open();
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("another length than its passage 1")));
}

TEST_F(CorpusDamageTest, FsckNamesWhatIsWrongInTheStore) {
  Put(OnePassage("a", "apple", 1));
  Put(OnePassage("b", "pear", 2));
  EXPECT_THAT(Problems(), IsEmpty());
  Change([](rocksdb::WriteBatch& batch) {
    batch.Delete(PassageKey(kFirst, 1));
    batch.Put(PassageKey(kFirst, 77), "");
    batch.Put(BlobReferencesKey("hash"), std::string("\x01\x05", 2));
    batch.Delete(PostingKey(kFirst, "pear", 0));
    batch.Put(VectorKey(999, 1), "x");
  });
  Open();
  const auto problems = Problems();
  EXPECT_THAT(problems, Contains(HasSubstr("1 passages are missing")));
  EXPECT_THAT(problems, Contains(HasSubstr("malformed passage")));
  EXPECT_THAT(problems, Contains(HasSubstr("posting lists do not fit")));
  EXPECT_THAT(problems, Contains(HasSubstr("picture hash is held by no document")));
  // An entry of the index that the store does not have is passed over.
  EXPECT_THAT(Find(DenseQuery(UnitVector(1))), ElementsAre("b"));
}

TEST_F(CorpusDamageTest, ACollectionThatCannotBeReadLeavesTheOthersOpen) {
  Put(OnePassage("a", "apple", 1));
  ASSERT_THAT(corpus_->CreateCollection("other", "m", kTestDimension), IsOk());
  Change([](rocksdb::WriteBatch& batch) {
    batch.Put(DocumentKey(kFirst, "a"), std::string("\x01\x05garbage", 9));
  });
  Open();
  EXPECT_THAT(corpus_->Search(TextQuery("apple")), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(corpus_->PutDocument(OnePassage("b", "x", 1)), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(corpus_->Stats("c"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Problems(), Contains(HasSubstr("collection c")));
  DocumentWrite write = OnePassage("b", "x", 1);
  write.document.collection = "other";
  EXPECT_THAT(corpus_->PutDocument(write), IsOk());
}

TEST_F(CorpusDamageTest, AMissingVectorIsDataLossNotASmallerAnswer) {
  Put(OnePassage("a", "apple", 1));
  std::filesystem::remove_all(options_.path + "/index");
  Change([](rocksdb::WriteBatch& batch) { batch.Delete(VectorKey(kFirst, 1)); });
  std::filesystem::remove_all(options_.path + "/index");
  Open();
  EXPECT_THAT(corpus_->Search(TextQuery("apple")), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(CorpusDamageTest, ACorpusOfANewerProgramIsRefused) {
  Change([](rocksdb::WriteBatch& batch) {
    batch.Put(MetaKey(), std::string("\x01\x63\x02", 3));  // format 99
  });
  EXPECT_THAT(Corpus::Open(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("format 99")));
}

TEST_F(CorpusDamageTest, RottenStoreFilesAreAnErrorNotAnAnswer) {
  for (int i = 0; i < 50; ++i) Put(OnePassage("d" + std::to_string(i), "apple", i));
  corpus_.reset();
  Open();  // moves the log's content to a table file
  corpus_.reset();
  std::filesystem::remove_all(options_.path + "/index");
  int damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(options_.path + "/store")) {
    if (entry.path().extension() != ".sst") continue;
    std::string bytes = *ReadFile(entry.path().string());
    for (size_t at = 100; at < bytes.size(); at += 1000) bytes[at] ^= 0x10;
    std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << bytes;
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  auto corpus = Corpus::Open(options_);
  if (corpus.ok()) {
    EXPECT_THAT((*corpus)->Search(TextQuery("apple")), StatusIs(absl::StatusCode::kDataLoss));
  } else {
    EXPECT_THAT(corpus, StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST_F(CorpusDamageTest, AfterAStorageErrorNothingMoreIsAcknowledgedUntilReopened) {
  Put(OnePassage("before", "apple", 1));
  ASSERT_THAT(corpus_->Health(), IsOk());
  // Files may not grow any more: the next append to the log fails as on a broken disk.
  ASSERT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  struct rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  struct rlimit none = old;
  none.rlim_cur = 1;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const auto failed = corpus_->PutDocument(OnePassage("during", "apple", 2));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  const auto stopped = StatusIs(absl::StatusCode::kUnavailable, HasSubstr("storage error"));
  EXPECT_THAT(failed, stopped);
  EXPECT_THAT(corpus_->Health(), stopped);
  EXPECT_THAT(corpus_->PutDocument(OnePassage("after", "apple", 3)), stopped);
  EXPECT_THAT(corpus_->DeleteDocument("c", "before"), stopped);
  Job job;
  job.id = "j";
  EXPECT_THAT(corpus_->PutJob(job), stopped);
  // Reading goes on.
  EXPECT_THAT(Find(TextQuery("apple")), ElementsAre("before"));
  Reopen();
  EXPECT_THAT(corpus_->Health(), IsOk());
  EXPECT_THAT(corpus_->GetDocument("c", "before"), IsOk());
  EXPECT_THAT(corpus_->GetDocument("c", "after"), StatusIs(absl::StatusCode::kNotFound));
  Put(OnePassage("again", "apple", 4));
  ExpectSound();
}

}  // namespace
}  // namespace sightline::index
