#include <filesystem>
#include <thread>

#include "index/byte_search.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;
using testing::StatusIs;

TEST(ByteSearchTest, FindsEachWhereverItStands) {
  ByteSearch search;
  search.Add("lanterns", "eight");
  search.Add("lanterns and more", "longer");
  search.Add("short", "short");
  EXPECT_THAT(search.Find("the lanterns"), ElementsAre("eight"));
  EXPECT_THAT(search.Find("lanterns and more"), ElementsAre("eight", "longer"));
  EXPECT_THAT(search.Find("short lantern"), IsEmpty());
  EXPECT_THAT(search.Find(""), IsEmpty());
}

class CorpusEraseTest : public CorpusFixture {
 protected:
  static constexpr char kWords[] =
      "The quizzaciously ornamented lantern hangs in the eastern hall.";

  DocumentWrite Secret() {
    DocumentWrite write = OnePassage("secret-document", kWords, 7, R"({"owner":"nobody"})");
    Blob blob;
    for (int i = 0; i < 5000; ++i) blob.bytes.push_back(static_cast<char>(i * 7919 >> 3));
    blob.hash = ContentHash(blob.bytes);
    blob.media_type = "image/png";
    blob.width = blob.height = 10;
    write.passages[0].passage.blob_hash = blob.hash;
    hash_ = blob.hash;
    write.blobs.push_back(std::move(blob));
    Job job;
    job.id = "job-of-the-secret";
    job.collection = "c";
    job.document_id = "secret-document";
    job.source = "file:///secret-document";
    job.state = JobState::kDone;
    job.created = job.updated = absl::Now();
    write.job = job;
    return write;
  }

  // Of `needle`, in the files of the corpus as they lie there.
  bool StandsInFiles(const std::string& needle) {
    for (const auto& entry : fs::recursive_directory_iterator(options_.path)) {
      if (!entry.is_regular_file()) continue;
      const auto bytes = ReadFile(entry.path());
      if (bytes.ok() && bytes->find(needle) != std::string::npos) return true;
    }
    return false;
  }

  EraseReport Erase(const std::string& id) {
    EraseOptions options;
    options.verify = true;
    options.deadline = absl::Now() + absl::Seconds(60);
    auto report = corpus_->Erase("c", std::vector<std::string>{id}, options);
    EXPECT_THAT(report, IsOk());
    return report.ok() ? *std::move(report) : EraseReport();
  }

  std::string hash_;
};

TEST_F(CorpusEraseTest, NothingOfItIsLeft) {
  Put(OnePassage("other", "A copper kettle stands beside the eastern hall.", 2));
  Put(Secret());
  ASSERT_THAT(corpus_->CreateCollection("d", "model", kTestDimension),
              IsOk());  // holds an older moment
  ASSERT_THAT(corpus_->Snapshot("c"), IsOk());
  ASSERT_TRUE(StandsInFiles("quizzaciously"));  // in the log

  const EraseReport report = Erase("secret-document");
  EXPECT_EQ(report.passages, 1);
  EXPECT_THAT(report.traces, IsEmpty());
  EXPECT_GT(report.searched_bytes, 1000);
  Reopen();
  for (const std::string& needle : {std::string("quizzaciously"), std::string("secret-document"),
                                    std::string("job-of-the-secret"), hash_}) {
    EXPECT_FALSE(StandsInFiles(needle)) << needle;
  }
  EXPECT_THAT(corpus_->GetDocument("c", "secret-document"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(corpus_->GetJob("job-of-the-secret"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(corpus_->GetBlob(hash_), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Find(DenseQuery(UnitVector(7))), ElementsAre("other"));
  EXPECT_THAT(Find(TextQuery("quizzaciously")), IsEmpty());
  ExpectSound();
  Reopen();
  ExpectSound();
  EXPECT_THAT(Find(TextQuery("kettle")), ElementsAre("other"));
}

TEST_F(CorpusEraseTest, AnOlderVersionOfItIsGoneToo) {
  Put(Secret());
  Put(OnePassage("secret-document", "Another wording altogether, of a barrel.", 8));
  EXPECT_THAT(Erase("secret-document").traces, IsEmpty());
  Reopen();
  EXPECT_FALSE(StandsInFiles("quizzaciously"));
  EXPECT_FALSE(StandsInFiles("wording altogether"));
}

// The control: what a delete alone leaves is found, so an empty list says something.
TEST_F(CorpusEraseTest, WhatIsLeftInAFileIsFound) {
  options_.exact_below = 1;  // so that vectors lie in a segment's file too
  options_.head_limit = 1;
  Reopen();
  Put(OnePassage("other", "A copper kettle.", 2));
  Put(Secret());
  Put(OnePassage("more", "A wooden spoon.", 3));
  const std::string copy = folder_->path() + "/copies";
  fs::create_directories(copy);
  corpus_->WaitForUpkeep();
  for (const auto& entry : fs::recursive_directory_iterator(options_.path)) {
    if (entry.path().extension() == ".log" || entry.path().filename() == "rows") {
      fs::copy_file(entry.path(), copy + "/" + entry.path().filename().string(),
                    fs::copy_options::overwrite_existing);
    }
  }
  EraseOptions options;
  options.verify = true;
  options.search = {copy};
  const auto report = corpus_->Erase("c", std::vector<std::string>{"secret-document"}, options);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->traces, Contains(AllOf(HasSubstr(".log"), HasSubstr("id secret-document"),
                                             HasSubstr("words"), HasSubstr("picture"))));
  EXPECT_THAT(report->traces, Contains(AllOf(HasSubstr("/rows"), HasSubstr("the vector"))));
  EXPECT_THAT(report->traces, Not(Contains(HasSubstr("store, key"))));
}

TEST_F(CorpusEraseTest, EqualWordsOfAnotherDocumentStay) {
  Put(Secret());
  Put(OnePassage("twin", kWords, 7));
  EXPECT_THAT(Erase("secret-document").traces, IsEmpty());
  EXPECT_THAT(Find(TextQuery("quizzaciously")), ElementsAre("twin"));
  ExpectSound();
}

TEST_F(CorpusEraseTest, AGraphIsMadeAnewWithoutIt) {
  options_.exact_below = 10;
  options_.head_limit = 1;
  Reopen();
  for (uint32_t i = 0; i < 40; ++i) Put(OnePassage("d" + std::to_string(i), "word", 100 + i));
  Put(Secret());
  corpus_->WaitForUpkeep();
  EXPECT_THAT(Erase("secret-document").traces, IsEmpty());
  EXPECT_EQ(Find(DenseQuery(UnitVector(110), 1)), std::vector<std::string>{"d10"});
  ExpectSound();
}

TEST_F(CorpusEraseTest, SearchesAndWritesGoOnMeanwhile) {
  for (uint32_t i = 0; i < 50; ++i) Put(OnePassage("d" + std::to_string(i), "word", 100 + i));
  Put(Secret());
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) EXPECT_THAT(corpus_->Search(DenseQuery(UnitVector(110), 3)), IsOk());
  });
  std::thread writer([&] {
    for (uint32_t i = 0; !stop; ++i) {
      EXPECT_THAT(corpus_->PutDocument(OnePassage("w" + std::to_string(i), "word", 1000 + i)),
                  IsOk());
    }
  });
  EXPECT_THAT(Erase("secret-document").traces, IsEmpty());
  stop = true;
  reader.join();
  writer.join();
  ExpectSound();
}

TEST_F(CorpusEraseTest, ADocumentThatIsNotThereIsNotFound) {
  Put(Secret());
  const std::vector<std::string> ids = {"secret-document", "nothing"};
  EXPECT_THAT(corpus_->Erase("c", ids, {}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(corpus_->Erase("x", ids, {}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(corpus_->GetDocument("c", "secret-document"), IsOk());
}

}  // namespace
}  // namespace sightline::index
