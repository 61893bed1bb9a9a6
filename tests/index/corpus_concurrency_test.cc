#include <atomic>
#include <thread>

#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;

class CorpusConcurrencyTest : public CorpusFixture {
 protected:
  void SetUp() override {
    options_.exact_below = 60;
    options_.head_limit = 20;
    options_.hnsw_links = 4;
    CorpusFixture::SetUp();
  }
};

// Three passages that all carry the version, so that a reader sees whether it got parts of two.
DocumentWrite Versioned(int id, int version) {
  const std::string name = "d" + std::to_string(id);
  DocumentWrite write = OnePassage(name, "version" + std::to_string(version) + " shared", 0,
                                   "{\"id\":" + std::to_string(id) + "}");
  write.passages.clear();
  for (int i = 0; i < 3; ++i) {
    write.passages.push_back(TextPassage("version" + std::to_string(version) + " shared",
                                         static_cast<uint32_t>(id * 1000 + version * 3 + i)));
  }
  return write;
}

TEST_F(CorpusConcurrencyTest, ReadersSeeEachDocumentWholeBesideAWriterAndMerges) {
  constexpr int kDocuments = 25;
  for (int id = 0; id < kDocuments; ++id) Put(Versioned(id, 0));
  std::atomic<bool> done{false};
  std::atomic<int> searches{0};
  const auto read = [&](uint32_t seed) {
    std::mt19937 random(seed);
    while (!done) {
      const int id = static_cast<int>(random() % kDocuments);
      SearchQuery query =
          random() % 2 == 0 ? TextQuery("shared", 10) : DenseQuery(UnitVector(random()));
      query.filter = "id = " + std::to_string(id);
      const auto result = corpus_->Search(query);
      ASSERT_THAT(result, IsOk());
      ASSERT_EQ(result->hits.size(), 3u);
      for (const Hit& hit : result->hits) EXPECT_EQ(hit.passage.text, result->hits[0].passage.text);
      const auto passages = corpus_->DocumentPassages("c", "d" + std::to_string(id));
      ASSERT_THAT(passages, IsOk());
      ASSERT_EQ(passages->size(), 3u);
      for (const Passage& passage : *passages) EXPECT_EQ(passage.text, (*passages)[0].text);
      ASSERT_THAT(corpus_->Search(DenseQuery(UnitVector(random()), 20)), IsOk());
      ++searches;
    }
  };
  std::vector<std::thread> readers;
  for (uint32_t i = 0; i < 3; ++i) readers.emplace_back(read, i);
  std::thread keeper([&] {
    while (!done) {
      EXPECT_THAT(corpus_->Snapshot("c"), IsOk());
      EXPECT_THAT(corpus_->Rebuild("c"), IsOk());
      EXPECT_THAT(corpus_->Stats("c"), IsOk());
    }
  });
  for (int version = 1; version <= 12; ++version) {
    for (int id = 0; id < kDocuments; ++id) Put(Versioned(id, version));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  keeper.join();
  EXPECT_GT(searches, 0);
  ExpectSound();
}

TEST_F(CorpusConcurrencyTest, WritersOfOneDocumentAndOfManyCollectionsDoNotLoseEachOther) {
  constexpr int kThreads = 4;
  constexpr int kWrites = 20;
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&, t] {
      const std::string own = "own" + std::to_string(t);
      ASSERT_THAT(corpus_->CreateCollection(own, "m", kTestDimension), IsOk());
      for (int i = 0; i < kWrites; ++i) {
        ASSERT_THAT(corpus_->PutDocument(Versioned(0, i)), IsOk());
        DocumentWrite write = Versioned(i, 0);
        write.document.collection = own;
        ASSERT_THAT(corpus_->PutDocument(write), IsOk());
        Job job;
        job.id = own + std::to_string(i);
        ASSERT_THAT(corpus_->PutJob(job), IsOk());
      }
      if (t % 2 == 1) {
        ASSERT_THAT(corpus_->DeleteCollection(own), IsOk());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_OK_AND_ASSIGN(const Document shared, corpus_->GetDocument("c", "d0"));
  EXPECT_EQ(shared.version, kThreads * kWrites);
  ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("own0"));
  EXPECT_EQ(stats.documents, kWrites);
  ASSERT_OK_AND_ASSIGN(const auto collections, corpus_->ListCollections());
  EXPECT_EQ(collections.size(), 3u);
  ExpectSound();
}

}  // namespace
}  // namespace sightline::index
