#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "index/vector_rows.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

using ::sightline::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::SizeIs;

// A collection that grows far beyond the head's limit, so that segments come and are joined.
class CorpusSegmentsTest : public CorpusFixture {
 protected:
  static constexpr int kPart = 60;  // vectors of a document

  void SetUp() override {
    options_.exact_below = 300;
    options_.head_limit = 100;
    options_.hnsw_links = 12;
    options_.hnsw_build_beam = 48;
    options_.hnsw_search_beam = 8;  // so that a walk is worth it in small segments too
    CorpusFixture::SetUp();
  }

  // Vectors kPart * id and following.
  static DocumentWrite Part(int id, int version = 0) {
    const auto first = static_cast<uint32_t>(kPart * id + 1'000'000 * version);
    DocumentWrite write =
        OnePassage("d" + std::to_string(id), "", first, "{\"part\":" + std::to_string(id) + "}");
    for (uint32_t i = 1; i < kPart; ++i) write.passages.push_back(TextPassage("", first + i));
    return write;
  }

  size_t Segments() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(options_.path + "/index/1")) {
      count += entry.is_directory();
    }
    return count;
  }
  // Adds documents from `id` on; what was joined with what depends on when the background came to
  // it.
  size_t GrowToSeveralSegments(int id) {
    corpus_->WaitForUpkeep();
    for (int added = 0; added < 10 && Segments() < 2; ++added) {
      Put(Part(id + added));
      corpus_->WaitForUpkeep();
    }
    return Segments();
  }
  // Passages in the files of segments.
  int64_t RowsOnDisk() const {
    int64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(options_.path + "/index/1")) {
      if (entry.path().filename() == "rows") bytes += static_cast<int64_t>(entry.file_size());
    }
    return bytes /
           static_cast<int64_t>(VectorRows::FileRowBytes(VectorCodes::kFloat16, kTestDimension));
  }

  SearchQuery Query(uint32_t seed, int k = 10) {
    SearchQuery query = DenseQuery(UnitVector(seed), k);
    query.candidates = k;
    return query;
  }
  std::vector<uint64_t> Ids(const SearchQuery& query, bool* exact = nullptr) {
    const auto result = corpus_->Search(query);
    EXPECT_THAT(result, IsOk());
    std::vector<uint64_t> ids;
    if (!result.ok()) return ids;
    if (exact != nullptr) *exact = result->exact;
    for (const Hit& hit : result->hits) ids.push_back(hit.passage.id);
    return ids;
  }
};

TEST_F(CorpusSegmentsTest, SearchesOverSegmentsFindWhatComparingAllFinds) {
  for (int id = 0; id < 40; ++id) {
    Put(Part(id));
    if (id % 4 == 3) corpus_->WaitForUpkeep();
  }
  ASSERT_GE(GrowToSeveralSegments(40), 2u);
  EXPECT_LE(Segments(), 6u);
  for (const int id : {3, 17, 30}) {
    ASSERT_THAT(corpus_->DeleteDocument("c", "d" + std::to_string(id)), IsOk());
  }
  std::vector<SearchQuery> queries;
  for (uint32_t i = 0; i < 30; ++i) {
    queries.push_back(Query(500'000 + i));
    for (const char* filter : {"part >= 20", "part = 5", "part != 7", "part IN (1, 39)"}) {
      queries.push_back(queries.back());
      queries.back().filter = filter;
    }
  }
  std::vector<std::vector<uint64_t>> found;
  int walked = 0;
  for (const SearchQuery& query : queries) {
    bool exact = true;
    found.push_back(Ids(query, &exact));
    walked += !exact;
  }
  EXPECT_GT(walked, 0);
  options_.exact_below = 1'000'000;
  Reopen();
  size_t right = 0;
  size_t wanted = 0;
  for (size_t i = 0; i < queries.size(); ++i) {
    bool exact = false;
    const std::vector<uint64_t> truth = Ids(queries[i], &exact);
    EXPECT_TRUE(exact);
    EXPECT_EQ(found[i].size(), truth.size());
    wanted += truth.size();
    const std::set<uint64_t> set(truth.begin(), truth.end());
    for (const uint64_t id : found[i]) right += set.count(id);
  }
  EXPECT_GE(static_cast<double>(right), 0.9 * static_cast<double>(wanted));
  ExpectSound();
}

TEST_F(CorpusSegmentsTest, WhatSearchesMissIsSampled) {
  options_.hnsw_links = 4;
  options_.hnsw_build_beam = 8;
  Reopen();
  for (int id = 0; id < 60; ++id) Put(Part(id));
  corpus_->WaitForUpkeep();
  EXPECT_EQ(corpus_->Stats("c")->recall, std::nullopt);
  // The same few queries over and over, so that what they miss is known.
  constexpr uint32_t kQueries = 5;
  std::vector<std::vector<uint64_t>> found;
  for (uint32_t i = 0; i < kQueries; ++i) found.push_back(Ids(Query(900'000 + i)));
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  for (uint32_t i = 0; corpus_->Stats("c")->shadow_scans < 60 && absl::Now() < give_up; ++i) {
    Ids(Query(900'000 + i % kQueries));
    corpus_->WaitForShadowScans();
  }
  const auto stats = corpus_->Stats("c");
  ASSERT_THAT(stats, IsOk());
  ASSERT_TRUE(stats->recall.has_value());
  const auto reply = corpus_->Search(Query(1));
  ASSERT_THAT(reply, IsOk());
  EXPECT_TRUE(reply->exact || reply->recall.has_value());

  options_.exact_below = 1'000'000;
  Reopen();
  int right = 0;
  for (uint32_t i = 0; i < kQueries; ++i) {
    const std::vector<uint64_t> truth = Ids(Query(900'000 + i));
    for (const uint64_t id : truth) right += std::ranges::count(found[i], id);
  }
  EXPECT_LT(right, static_cast<int>(8 * kQueries)) << "so little is missed that nothing is tested";
  EXPECT_NEAR(*stats->recall, right / (10.0 * kQueries), 0.15);
}

TEST_F(CorpusSegmentsTest, AReopenedCorpusUsesItsSegmentsAndWritesNoneAnew) {
  for (int id = 0; id < 30; ++id) Put(Part(id));
  corpus_->WaitForUpkeep();
  std::map<fs::path, fs::file_time_type> before;
  for (const auto& entry : fs::recursive_directory_iterator(options_.path + "/index/1")) {
    if (entry.path().filename() == "rows") before[entry.path()] = entry.last_write_time();
  }
  ASSERT_FALSE(before.empty());
  for (int round = 0; round < 2; ++round) {
    Reopen();
    corpus_->WaitForUpkeep();
    EXPECT_EQ(Ids(Query(5, 1)), Ids(Query(5, 1)));
    for (const auto& [path, written] : before) {
      EXPECT_TRUE(fs::exists(path));
      EXPECT_EQ(fs::last_write_time(path), written);
    }
    EXPECT_EQ(Segments(), before.size());
    ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
    EXPECT_EQ(stats.index_sequence, stats.sequence);
  }
}

TEST_F(CorpusSegmentsTest, JoiningAndCompactingDropDeadRows) {
  for (int id = 0; id < 30; ++id) Put(Part(id));
  corpus_->WaitForUpkeep();
  for (int id = 0; id < 30; id += 2) {
    ASSERT_THAT(corpus_->DeleteDocument("c", "d" + std::to_string(id)), IsOk());
  }
  corpus_->WaitForUpkeep();
  ASSERT_OK_AND_ASSIGN(auto stats, corpus_->Stats("c"));
  EXPECT_EQ(stats.vectors, 15 * kPart);
  EXPECT_LE(stats.tombstones * 10, stats.vectors + stats.tombstones);
  EXPECT_LE(RowsOnDisk(), stats.vectors + stats.tombstones);
  // The same documents over and over: what is replaced goes with the joins.
  for (int version = 1; version <= 10; ++version) {
    for (int id = 1; id < 30; id += 2) Put(Part(id, version));
  }
  corpus_->WaitForUpkeep();
  ASSERT_OK_AND_ASSIGN(stats, corpus_->Stats("c"));
  EXPECT_EQ(stats.vectors, 15 * kPart);
  EXPECT_LE(stats.tombstones, stats.vectors / 9 + options_.head_limit / 4);
  for (int id = 1; id < 30; id += 2) {
    EXPECT_THAT(Find(Query(static_cast<uint32_t>(kPart * id + 10'000'000), 1)),
                ElementsAre("d" + std::to_string(id)));
  }
  ExpectSound();
}

TEST_F(CorpusSegmentsTest, ACollectionThatIsEmptiedHasNoSegments) {
  for (int id = 0; id < 12; ++id) Put(Part(id));
  corpus_->WaitForUpkeep();
  EXPECT_GE(Segments(), 1u);
  for (int id = 0; id < 12; ++id) {
    ASSERT_THAT(corpus_->DeleteDocument("c", "d" + std::to_string(id)), IsOk());
  }
  corpus_->WaitForUpkeep();
  EXPECT_EQ(Segments(), 0u);
  EXPECT_THAT(Ids(Query(1)), SizeIs(0));
  for (int id = 20; id < 32; ++id) Put(Part(id));
  corpus_->WaitForUpkeep();
  EXPECT_THAT(Find(Query(20 * kPart, 1)), ElementsAre("d20"));
  ExpectSound();
  Reopen();
  ExpectSound();
}

TEST_F(CorpusSegmentsTest, AnErasureWritesOnlyTheSegmentsThatHeldSomething) {
  for (int id = 0; id < 20; ++id) Put(Part(id));
  corpus_->WaitForUpkeep();
  ASSERT_GE(GrowToSeveralSegments(20), 2u);
  std::set<fs::path> before;
  for (const auto& entry : fs::directory_iterator(options_.path + "/index/1")) {
    if (entry.is_directory()) before.insert(entry.path());
  }
  const std::vector<std::string> ids = {"d0"};
  EraseOptions options;
  options.verify = true;
  options.deadline = absl::Now() + absl::Seconds(60);
  ASSERT_OK_AND_ASSIGN(const EraseReport report, corpus_->Erase("c", ids, options));
  EXPECT_THAT(report.traces, SizeIs(0));
  size_t kept = 0;
  for (const fs::path& path : before) kept += fs::exists(path);
  EXPECT_EQ(kept, before.size() - 1);
  EXPECT_EQ(Segments(), before.size());
  ExpectSound();
}

// Readers see each document whole, and no deleted one, while a writer replaces documents and
// segments are sealed, joined and compacted under them.
TEST_F(CorpusSegmentsTest, ReadersAreRightWhileSegmentsAreSealedAndJoined) {
  constexpr int kDocuments = 12;
  for (int id = 0; id < kDocuments; ++id) Put(Part(id));
  std::atomic<bool> done{false};
  std::atomic<int> searches{0};
  const auto read = [&](uint32_t seed) {
    std::mt19937 random(seed);
    while (!done) {
      const int id = static_cast<int>(random() % kDocuments);
      SearchQuery query = Query(random(), 2 * kPart);
      query.filter = "part = " + std::to_string(id);
      const auto result = corpus_->Search(query);
      ASSERT_THAT(result, IsOk());
      ASSERT_THAT(result->hits, SizeIs(kPart));
      ASSERT_THAT(corpus_->Search(Query(random())), IsOk());
      ++searches;
    }
  };
  std::vector<std::thread> readers;
  for (uint32_t i = 0; i < 3; ++i) readers.emplace_back(read, i);
  for (int version = 1; version <= 12; ++version) {
    for (int id = 0; id < kDocuments; ++id) Put(Part(id, version));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(searches, 0);
  corpus_->WaitForUpkeep();
  ExpectSound();
  Reopen();
  ExpectSound();
  for (int id = 0; id < kDocuments; ++id) {
    EXPECT_THAT(Find(Query(static_cast<uint32_t>(kPart * id + 12'000'000), 1)),
                ElementsAre("d" + std::to_string(id)));
  }
}

}  // namespace
}  // namespace sightline::index
