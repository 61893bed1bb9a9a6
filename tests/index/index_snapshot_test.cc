#include <filesystem>
#include <fstream>

#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

using ::sightline::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::SizeIs;

// A collection with a graph, saved in a snapshot; each test damages the files and opens again.
class IndexSnapshotTest : public CorpusFixture {
 protected:
  void SetUp() override {
    options_.exact_below = 300;
    options_.head_limit = 100;
    options_.hnsw_links = 8;
    options_.hnsw_build_beam = 32;
    options_.hnsw_search_beam = 16;
    CorpusFixture::SetUp();
    // So many that the deleted part is no reason to build the index anew in the background.
    for (int part = 0; part < 11; ++part) {
      DocumentWrite write = OnePassage("d" + std::to_string(part), "", part * 250);
      for (int i = 1; i < 250; ++i) write.passages.push_back(TextPassage("", part * 250 + i));
      Put(std::move(write));
    }
    corpus_->WaitForUpkeep();
    ASSERT_THAT(corpus_->DeleteDocument("c", "d1"), IsOk());
    ASSERT_THAT(corpus_->Snapshot("c"), IsOk());
    corpus_.reset();
    fs::copy(options_.path + "/index", Undamaged(), fs::copy_options::recursive);
  }

  std::string Undamaged() const { return folder_->path() + "/undamaged"; }
  // Closes, and puts the snapshots back as SetUp left them.
  void Restore() {
    corpus_.reset();
    fs::remove_all(options_.path + "/index");
    fs::copy(Undamaged(), options_.path + "/index", fs::copy_options::recursive);
  }
  // So that nothing whole is left to fall back to.
  void DropOlderGenerations() {
    const fs::path newest = NewestFiles()[0].parent_path();
    for (const auto& entry : fs::directory_iterator(options_.path + "/index/1")) {
      if (entry.path() != newest) fs::remove_all(entry.path());
    }
  }

  // Of the newest generation: manifest, rows, graph.
  std::vector<fs::path> NewestFiles() {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(options_.path + "/index/1")) {
      newest = std::max(newest, entry.path());
    }
    return {newest / "manifest", newest / "rows", newest / "graph"};
  }
  std::string Read(const fs::path& path) { return *ReadFile(path.string()); }
  void Write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  // Those of an undamaged corpus.
  void ExpectRightAnswers() {
    corpus_->WaitForUpkeep();
    for (const uint32_t seed : {0u, 7u, 600u, 999u}) {
      EXPECT_THAT(Find(DenseQuery(UnitVector(seed), 1)),
                  ElementsAre("d" + std::to_string(seed / 250)));
    }
    ASSERT_OK_AND_ASSIGN(const SearchResult result,
                         corpus_->Search(DenseQuery(UnitVector(300), 9)));
    EXPECT_THAT(result.hits, SizeIs(9));
    for (const Hit& hit : result.hits) EXPECT_NE(hit.passage.document_id, "d1");
    ExpectSound();
  }
};

TEST_F(IndexSnapshotTest, AWholeSnapshotIsUsedAndSaysWhatItCovers) {
  Open();
  ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
  EXPECT_EQ(stats.index_sequence, stats.sequence);
  EXPECT_EQ(stats.tombstones, 250);  // the dead rows came with the snapshot
  SearchQuery query = DenseQuery(UnitVector(7), 1);
  query.candidates = 1;
  ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(query));
  EXPECT_THAT(DocumentsOf(result), ElementsAre("d0"));
}

TEST_F(IndexSnapshotTest, WhatWasWrittenSinceIsReplayed) {
  Open();
  Put(OnePassage("new", "", 5000));
  ASSERT_THAT(corpus_->DeleteDocument("c", "d2"), IsOk());
  // As after a crash: the snapshot of the orderly close is taken away, the older one stays.
  corpus_.reset();
  fs::remove_all(NewestFiles()[0].parent_path());
  Open();
  ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
  EXPECT_LT(stats.index_sequence, stats.sequence);
  EXPECT_GT(stats.index_sequence, 0);
  EXPECT_THAT(Find(DenseQuery(UnitVector(5000), 1)), ElementsAre("new"));
  for (const std::string& id : Find(DenseQuery(UnitVector(600), 50))) EXPECT_NE(id, "d2");
  ExpectSound();
}

TEST_F(IndexSnapshotTest, EveryFlippedBitIsCaught) {
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    Restore();
    DropOlderGenerations();
    const fs::path path = NewestFiles()[static_cast<size_t>(round % 3)];
    std::string bytes = Read(path);
    bytes[random() % bytes.size()] ^= static_cast<char>(1 << (random() % 8));
    Write(path, bytes);
    Open();
    ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
    // 0: no snapshot was used; else the background merge has written a whole one since.
    if (stats.index_sequence != 0) corpus_->WaitForUpkeep();
    EXPECT_EQ(stats.tombstones, 0) << path << ": a damaged snapshot was used";
    if (round % 10 == 0) ExpectRightAnswers();
  }
}

TEST_F(IndexSnapshotTest, TruncatedEmptyAndMissingFilesAreRebuiltFrom) {
  for (size_t file = 0; file < 3; ++file) {
    for (const double part : {0.0, 0.3, 0.99}) {
      Restore();
      const fs::path path = NewestFiles()[file];
      const std::string good = Read(path);
      Write(path, good.substr(0, static_cast<size_t>(part * static_cast<double>(good.size()))));
      if (part > 0.5) DropOlderGenerations();
      Open();
      ExpectRightAnswers();
    }
    Restore();
    fs::remove(NewestFiles()[file]);
    Open();
    ExpectRightAnswers();
  }
}

TEST_F(IndexSnapshotTest, TheSnapshotOfAnotherCollectionIsNotUsed) {
  Open();
  ASSERT_THAT(corpus_->CreateCollection("other", "model", kTestDimension), IsOk());
  DocumentWrite write = OnePassage("theirs", "", 1);
  write.document.collection = "other";
  Put(write);
  corpus_.reset();
  fs::remove_all(options_.path + "/index/2");
  fs::copy(options_.path + "/index/1", options_.path + "/index/2", fs::copy_options::recursive);
  Open();
  SearchQuery query = DenseQuery(UnitVector(1), 5);
  query.collection = "other";
  EXPECT_THAT(Find(query), ElementsAre("theirs"));
  ExpectSound();
}

TEST_F(IndexSnapshotTest, WithoutAnySnapshotTheIndexComesFromTheStore) {
  fs::remove_all(options_.path + "/index");
  Open();
  ExpectRightAnswers();
}

TEST_F(IndexSnapshotTest, KeepsTheTwoNewestGenerations) {
  Open();
  for (int i = 0; i < 4; ++i) {
    Put(OnePassage("x", "", 10'000 + i));
    ASSERT_THAT(corpus_->Snapshot("c"), IsOk());
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(options_.path + "/index/1"), {}), 2);
}

}  // namespace
}  // namespace sightline::index
