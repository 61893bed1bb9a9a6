#include "index/segment_files.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

using ::sightline::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::SizeIs;

// A collection with three segments on disk, and vectors behind them; each test damages the files
// and opens again.
class SegmentFilesTest : public CorpusFixture {
 protected:
  void SetUp() override {
    options_.exact_below = 300;
    options_.head_limit = 100;
    options_.hnsw_links = 8;
    options_.hnsw_build_beam = 32;
    options_.hnsw_search_beam = 16;
    CorpusFixture::SetUp();
    // Sizes that do not outweigh each other, so that none are joined.
    for (const auto& [first, count] : {std::pair(0, 6), {6, 3}, {9, 1}}) PutParts(first, count);
    Put(OnePassage("behind", "", 9000));
    ASSERT_THAT(corpus_->DeleteDocument("c", "d1"), IsOk());
    ASSERT_THAT(corpus_->Snapshot("c"), IsOk());
    corpus_.reset();
    ASSERT_THAT(Segments(), SizeIs(3));
    fs::copy(options_.path + "/index", Undamaged(), fs::copy_options::recursive);
    Restore();
  }

  // Documents of 250 vectors, which become one segment.
  void PutParts(int first, int count) {
    const int64_t below = options_.exact_below;
    options_.exact_below = 1'000'000;
    Reopen();
    for (int part = first; part < first + count; ++part) {
      DocumentWrite write = OnePassage("d" + std::to_string(part), "", part * 250);
      for (int i = 1; i < 250; ++i) write.passages.push_back(TextPassage("", part * 250 + i));
      Put(std::move(write));
    }
    options_.exact_below = below;
    Reopen();
    corpus_->WaitForUpkeep();
  }

  std::string Undamaged() const { return folder_->path() + "/undamaged"; }
  std::string Folder() const { return options_.path + "/index/1"; }
  // Closes, and puts the files back as SetUp left them.
  void Restore() {
    corpus_.reset();
    fs::remove_all(options_.path + "/index");
    fs::copy(Undamaged(), options_.path + "/index", fs::copy_options::recursive);
    restored_.clear();
    for (const fs::path& segment : Segments()) {
      restored_.emplace_back(segment, fs::last_write_time(segment / "manifest"));
    }
  }

  // Their folders, in order.
  std::vector<fs::path> Segments() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(Folder())) {
      if (entry.is_directory()) out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  // Which of the segments that Restore put there are there still, and not written anew.
  std::vector<bool> Kept() const {
    std::vector<bool> kept;
    for (const auto& [folder, written] : restored_) {
      kept.push_back(fs::exists(folder / "manifest") &&
                     fs::last_write_time(folder / "manifest") == written);
    }
    return kept;
  }
  static std::string Read(const fs::path& path) { return *ReadFile(path.string()); }
  static void Write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  // Those of an undamaged corpus.
  void ExpectRightAnswers() {
    corpus_->WaitForUpkeep();
    for (const uint32_t seed : {0u, 7u, 600u, 1700u, 2300u}) {
      EXPECT_THAT(Find(DenseQuery(UnitVector(seed), 1)),
                  ElementsAre("d" + std::to_string(seed / 250)));
    }
    EXPECT_THAT(Find(DenseQuery(UnitVector(9000), 1)), ElementsAre("behind"));
    ASSERT_OK_AND_ASSIGN(const SearchResult result,
                         corpus_->Search(DenseQuery(UnitVector(300), 9)));
    EXPECT_THAT(result.hits, SizeIs(9));
    for (const Hit& hit : result.hits) EXPECT_NE(hit.passage.document_id, "d1");
    ExpectSound();
  }

  std::vector<std::pair<fs::path, fs::file_time_type>> restored_;
};

TEST_F(SegmentFilesTest, WholeSegmentsAreUsedAndTheRestComesFromTheStore) {
  for (const bool map : {true, false}) {
    options_.map_vectors = map;
    Open();
    ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
    EXPECT_EQ(stats.index_sequence, stats.sequence);
    EXPECT_EQ(stats.tombstones, 250);  // the dead rows came with the first segment
    ExpectRightAnswers();
    EXPECT_THAT(Kept(), ElementsAre(true, true, true));
    corpus_.reset();
  }
}

TEST_F(SegmentFilesTest, ASegmentIsWrittenOnceWhateverIsAddedBehindIt) {
  const auto written = fs::last_write_time(Segments()[0] / "rows");
  Open();
  for (int i = 0; i < 4; ++i) {
    Put(OnePassage("x" + std::to_string(i), "", 10'000 + i));
    ASSERT_THAT(corpus_->Snapshot("c"), IsOk());
  }
  Reopen();
  EXPECT_THAT(Kept(), ElementsAre(true, true, true));
  EXPECT_THAT(Segments(), SizeIs(3));
  EXPECT_EQ(fs::last_write_time(Segments()[0] / "rows"), written);
  ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
  EXPECT_EQ(stats.index_sequence, stats.sequence);
  EXPECT_THAT(Find(DenseQuery(UnitVector(10'002), 1)), ElementsAre("x2"));
}

TEST_F(SegmentFilesTest, WhatWasWrittenSinceIsReplayed) {
  const std::string coverage = Read(Folder() + "/coverage");
  Open();
  Put(OnePassage("new", "", 5000));
  ASSERT_THAT(corpus_->DeleteDocument("c", "d2"), IsOk());
  // As after a crash: what the orderly close noted is taken away.
  corpus_.reset();
  Write(Folder() + "/coverage", coverage);
  Open();
  ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
  EXPECT_LT(stats.index_sequence, stats.sequence);
  EXPECT_GT(stats.index_sequence, 0);
  EXPECT_THAT(Find(DenseQuery(UnitVector(5000), 1)), ElementsAre("new"));
  for (const std::string& id : Find(DenseQuery(UnitVector(600), 50))) EXPECT_NE(id, "d2");
  ExpectSound();
}

TEST_F(SegmentFilesTest, OnlyTheSegmentThatIsBrokenIsBuiltAnew) {
  for (size_t broken = 0; broken < 3; ++broken) {
    for (const char* file : {"manifest", "rows", "graph"}) {
      Restore();
      std::string bytes = Read(Segments()[broken] / file);
      bytes[bytes.size() / 2] ^= 1;
      Write(Segments()[broken] / file, bytes);
      Open();
      ExpectRightAnswers();
      std::vector<bool> kept = Kept();
      EXPECT_FALSE(kept[broken]) << file;
      kept[broken] = true;
      EXPECT_THAT(kept, ElementsAre(true, true, true)) << file << " of " << broken;
      EXPECT_THAT(Segments(), SizeIs(3));
      // Whole again.
      Reopen();
      ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
      EXPECT_EQ(stats.index_sequence, stats.sequence);
    }
  }
}

TEST_F(SegmentFilesTest, EveryFlippedBitIsCaught) {
  std::mt19937 random(5);
  const char* const files[] = {"manifest", "rows", "graph"};
  const char* const times = std::getenv("SIGHTLINE_ROUNDS");
  const int rounds = 30 * (times == nullptr ? 1 : std::max(1, std::atoi(times)));
  for (int round = 0; round < rounds; ++round) {
    Restore();
    const fs::path path = Segments()[random() % 3] / files[round % 3];
    std::string bytes = Read(path);
    bytes[random() % bytes.size()] ^= static_cast<char>(1 << (random() % 8));
    Write(path, bytes);
    Open();
    corpus_->WaitForUpkeep();
    EXPECT_NE(Kept(), std::vector<bool>({true, true, true})) << path << ": was used";
    if (round % 10 == 0) ExpectRightAnswers();
  }
}

TEST_F(SegmentFilesTest, ADamagedCoverageCostsNothingButWhatItSays) {
  Write(Folder() + "/coverage", Read(Folder() + "/coverage").substr(3));
  Open();
  ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
  EXPECT_EQ(stats.index_sequence, 0);
  EXPECT_EQ(stats.tombstones, 250);
  ExpectRightAnswers();
  EXPECT_THAT(Kept(), ElementsAre(true, true, true));
}

TEST_F(SegmentFilesTest, TruncatedEmptyAndMissingFilesAreRebuiltFrom) {
  for (const char* file : {"manifest", "rows", "graph"}) {
    for (const double part : {0.0, 0.3, 0.99}) {
      Restore();
      for (const fs::path& segment : Segments()) {
        const std::string good = Read(segment / file);
        Write(segment / file,
              good.substr(0, static_cast<size_t>(part * static_cast<double>(good.size()))));
      }
      Open();
      ExpectRightAnswers();
    }
    Restore();
    for (const fs::path& segment : Segments()) fs::remove(segment / file);
    Open();
    ExpectRightAnswers();
  }
}

TEST_F(SegmentFilesTest, TheSegmentsOfAnotherCollectionAreNotUsed) {
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

TEST_F(SegmentFilesTest, WithoutAnyFileTheIndexComesFromTheStore) {
  fs::remove_all(options_.path + "/index");
  Open();
  ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
  EXPECT_EQ(stats.tombstones, 0);
  ExpectRightAnswers();
}

// As where the program died while it joined two, while it wrote one, after it wrote one, and with
// the files of an older version.
TEST_F(SegmentFilesTest, LeftoversAreRemovedAndForeignFilesStay) {
  const fs::path folder = Folder();
  fs::create_directories(folder / "00000000000000000090");
  Write(folder / "00000000000000000090/rows", "half a file");
  fs::create_directories(folder / "00000000000000000091");
  Write(folder / "00000000000000000091/manifest", "SightlineIndex of an older version, with more");
  Write(folder / "coverage.1234.tmp", "half");
  Write(folder / "notes", "mine");
  Open();
  EXPECT_THAT(Kept(), ElementsAre(true, true, true));
  EXPECT_THAT(Segments(), SizeIs(3));
  EXPECT_FALSE(fs::exists(folder / "coverage.1234.tmp"));
  EXPECT_TRUE(fs::exists(folder / "notes"));
  ExpectRightAnswers();
}

TEST_F(SegmentFilesTest, WhatWasJoinedBeforeTheEndIsRemovedAtTheNextStart) {
  Open();
  ASSERT_THAT(corpus_->Rebuild("c"), IsOk());
  corpus_.reset();
  ASSERT_THAT(Segments(), SizeIs(1));
  const fs::path joined = Segments()[0];
  for (const auto& old : fs::directory_iterator(Undamaged() + "/1")) {
    fs::copy(old.path(), fs::path(Folder()) / old.path().filename(),
             fs::copy_options::recursive | fs::copy_options::skip_existing);
  }
  Open();
  EXPECT_THAT(Segments(), ElementsAre(joined));
  ExpectRightAnswers();
}

}  // namespace
}  // namespace sightline::index
