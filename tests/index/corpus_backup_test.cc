#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "index/backup.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::StatusIs;

class CorpusBackupTest : public CorpusFixture {
 protected:
  std::string backups() const { return folder_->path() + "/backups"; }
  std::string restored() const { return folder_->path() + "/restored"; }

  // What a backup holds, as an opened corpus.
  std::unique_ptr<Corpus> Restored(uint32_t id = 0) {
    fs::remove_all(restored());
    EXPECT_THAT(RestoreBackup(backups(), id, restored()), IsOk());
    CorpusOptions options = options_;
    options.path = restored();
    auto corpus = Corpus::Open(options);
    EXPECT_THAT(corpus, IsOk());
    return corpus.ok() ? *std::move(corpus) : nullptr;
  }

  static void ExpectSoundCorpus(const Corpus& corpus) {
    const auto report = corpus.Fsck();
    ASSERT_THAT(report, IsOk());
    EXPECT_THAT(report->problems, IsEmpty());
  }

  // The largest file below the backups that holds `part` of its path.
  std::string LargestFile(const std::string& part) {
    std::string found;
    uintmax_t size = 0;
    for (const auto& entry : fs::recursive_directory_iterator(backups())) {
      if (!entry.is_regular_file() || entry.path().string().find(part) == std::string::npos)
        continue;
      if (entry.file_size() <= size) continue;
      size = entry.file_size();
      found = entry.path();
    }
    return found;
  }
};

TEST_F(CorpusBackupTest, ARestoredCorpusIsWhatWasThen) {
  Put(OnePassage("a", "a brass lantern", 1));
  Put(OnePassage("b", "a copper kettle", 2));
  const auto first = corpus_->Backup(backups(), 0);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->id, 1);
  EXPECT_EQ(first->documents, 2);
  EXPECT_EQ(first->collections, 1);
  Put(OnePassage("c", "a tin drum", 3));
  ASSERT_THAT(corpus_->DeleteDocument("c", "a"), IsOk());
  ASSERT_THAT(corpus_->Backup(backups(), 0), IsOk());

  const auto then = Restored(1);
  ASSERT_NE(then, nullptr);
  ExpectSoundCorpus(*then);
  const auto words = then->Search(TextQuery("lantern"));
  ASSERT_THAT(words, IsOk());
  EXPECT_THAT(DocumentsOf(*words), ElementsAre("a"));
  const auto near = then->Search(DenseQuery(UnitVector(2), 1));
  ASSERT_THAT(near, IsOk());
  EXPECT_THAT(DocumentsOf(*near), ElementsAre("b"));
  EXPECT_THAT(then->GetDocument("c", "c"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CorpusBackupTest, TheNewestIsRestoredUnlessOneIsNamedAndOldOnesGo) {
  for (uint32_t i = 0; i < 4; ++i) {
    Put(OnePassage(std::string(1, static_cast<char>('a' + i)), "word", i));
    ASSERT_THAT(corpus_->Backup(backups(), 2), IsOk());
  }
  const auto list = ListBackups(backups());
  ASSERT_THAT(list, IsOk());
  ASSERT_EQ(list->size(), 2);
  EXPECT_EQ((*list)[0].id, 3);
  EXPECT_EQ((*list)[1].documents, 4);
  EXPECT_THAT(Restored()->GetDocument("c", "d"), IsOk());
  EXPECT_THAT(VerifyBackup(backups(), 1),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no backup 1")));
}

TEST_F(CorpusBackupTest, FilesThatDidNotChangeAreShared) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "word" + std::to_string(i * 7919 % 100'003) + " ";
  for (uint32_t i = 0; i < 8; ++i)
    Put(OnePassage("big" + std::to_string(i), text + std::to_string(i), i));
  ASSERT_THAT(corpus_->Backup(backups(), 0), IsOk());
  const auto size = [&] {
    uintmax_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(backups())) {
      if (entry.is_regular_file()) bytes += entry.file_size();
    }
    return bytes;
  };
  const uintmax_t first = size();
  // The store may write its files anew between two backups, which are other files then; it does not
  // every time.
  uintmax_t least = first;
  for (int more = 0; more < 5 && least >= first / 4; ++more) {
    const uintmax_t before = size();
    Put(OnePassage("small", "a tin drum", 99));
    ASSERT_THAT(corpus_->Backup(backups(), 0), IsOk());
    least = std::min(least, size() - before);
  }
  EXPECT_LT(least, first / 4);
}

TEST_F(CorpusBackupTest, OneMadeUnderWritesHoldsEachDocumentWholeAndInOrder) {
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      DocumentWrite write = OnePassage("d" + std::to_string(100'000 + i), "first part", i);
      write.passages.push_back(TextPassage("second part", i + 1'000'000));
      if (!corpus_->PutDocument(std::move(write)).ok()) break;
      written = i + 1;
    }
  });
  std::vector<int> acknowledged;
  for (int i = 0; i < 5; ++i) {
    while (written < 20 * (i + 1)) std::this_thread::yield();
    acknowledged.push_back(written);
    EXPECT_THAT(corpus_->Backup(backups(), 0), IsOk());
  }
  stop = true;
  writer.join();
  for (int i = 0; i < 5; ++i) {
    const auto then = Restored(static_cast<uint32_t>(i + 1));
    ASSERT_NE(then, nullptr);
    ExpectSoundCorpus(*then);
    const auto stats = then->Stats("c");
    ASSERT_THAT(stats, IsOk());
    EXPECT_GE(stats->documents, acknowledged[i]);
    EXPECT_EQ(stats->passages, 2 * stats->documents);
    // None is missing before the last.
    EXPECT_THAT(then->GetDocument("c", "d" + std::to_string(100'000 + stats->documents - 1)),
                IsOk());
  }
}

TEST_F(CorpusBackupTest, AChangedByteIsFoundAndNothingIsRestored) {
  for (uint32_t i = 0; i < 50; ++i) Put(OnePassage("d" + std::to_string(i), "a brass lantern", i));
  ASSERT_THAT(corpus_->Backup(backups(), 0), IsOk());
  ASSERT_THAT(VerifyBackup(backups(), 0), IsOk());
  const std::string file = LargestFile("shared");
  ASSERT_FALSE(file.empty());
  const auto place = static_cast<std::streamoff>(fs::file_size(file) / 2);
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  char byte = 0;
  stream.seekg(place).get(byte);
  stream.seekp(place).put(static_cast<char>(byte ^ 1));
  stream.close();
  EXPECT_THAT(VerifyBackup(backups(), 0), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(RestoreBackup(backups(), 0, restored()), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(fs::exists(restored() + "/store"));

  fs::remove(file);
  EXPECT_FALSE(VerifyBackup(backups(), 0).ok());
}

TEST_F(CorpusBackupTest, ItGoesNowhereWhereThereIsACorpus) {
  Put(OnePassage("a", "a brass lantern", 1));
  ASSERT_THAT(corpus_->Backup(backups(), 0), IsOk());
  EXPECT_THAT(RestoreBackup(backups(), 0, options_.path),
              StatusIs(absl::StatusCode::kFailedPrecondition));  // it is open
  corpus_.reset();
  EXPECT_THAT(RestoreBackup(backups(), 0, options_.path),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(RestoreBackup(folder_->path() + "/none", 0, restored()),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(fs::exists(folder_->path() + "/none"));
}

TEST_F(CorpusBackupTest, AnIndexWithoutItsStoreIsNotTakenForTheRestoredOne) {
  Put(OnePassage("a", "a brass lantern", 1));
  ASSERT_THAT(corpus_->Backup(backups(), 0), IsOk());
  Put(OnePassage("b", "a copper kettle", 2));
  corpus_.reset();
  fs::remove_all(options_.path + "/store");
  ASSERT_THAT(RestoreBackup(backups(), 0, options_.path), IsOk());
  Open();
  ExpectSound();
  EXPECT_THAT(Find(DenseQuery(UnitVector(2))), ElementsAre("a"));
}

}  // namespace
}  // namespace sightline::index
