#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "index/stored_vector.h"
#include "index/vector_rows.h"
#include "tests/index/corpus_fixture.h"
#include "tests/support/clustered_vectors.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

using ::sightline::testing::ClusteredVectors;
using ::sightline::testing::IsOk;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int kDimension = 96;
constexpr int kDocuments = 40;
constexpr int kPart = 50;  // vectors of a document
constexpr int kRows = kDocuments * kPart;

// Two collections of the same clustered vectors: "c" of half floats, "b" of bytes.
class CorpusVectorsTest : public CorpusFixture {
 protected:
  void SetUp() override {
    options_.exact_below = 500;
    options_.head_limit = 300;
    options_.hnsw_links = 12;
    options_.hnsw_build_beam = 48;
    options_.hnsw_search_beam = 16;
    CorpusFixture::SetUp();
    ASSERT_THAT(corpus_->DeleteCollection("c"), IsOk());
    ASSERT_THAT(corpus_->CreateCollection("c", "model", kDimension), IsOk());
    ASSERT_THAT(
        corpus_->CreateCollection("b", "model", kDimension, PatchCodes::kNone, VectorCodes::kInt8),
        IsOk());
    ClusteredVectors source(kDimension, 60, 4);
    for (int i = 0; i < kRows; ++i) vectors_.push_back(source.Next());
    for (int i = 0; i < 20; ++i) queries_.push_back(source.Next());
  }

  void PutPart(const std::string& collection, int id) {
    DocumentWrite write =
        OnePassage("d" + std::to_string(id), "", 1, "{\"part\":" + std::to_string(id) + "}");
    write.document.collection = collection;
    write.passages.clear();
    for (int i = 0; i < kPart; ++i) {
      write.passages.emplace_back();
      write.passages.back().passage.ordinal = i;
      write.passages.back().vector = vectors_[kPart * id + i];
    }
    Put(std::move(write));
  }
  // One large segment each, and a head beside it: how many segments there are otherwise, and so
  // whether they are walked or compared, depends on when the background came to them.
  void Fill() {
    for (int id = 0; id < kDocuments; ++id) {
      if (id == kDocuments - 2) {
        ASSERT_OK_AND_ASSIGN(const int64_t rebuilt, corpus_->Rebuild("b"));
        ASSERT_OK_AND_ASSIGN(const int64_t too, corpus_->Rebuild("c"));
        ASSERT_EQ(rebuilt, too);
      }
      PutPart("b", id);
      PutPart("c", id);
    }
    corpus_->WaitForUpkeep();
  }

  SearchResult Search(const std::string& collection, const std::vector<float>& vector,
                      const std::string& filter = "") {
    SearchQuery query = DenseQuery(vector);
    query.collection = collection;
    query.candidates = 10;
    query.filter = filter;
    auto result = corpus_->Search(query);
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *std::move(result) : SearchResult();
  }
  int Part(const Hit& hit) const { return std::stoi(hit.passage.document_id.substr(1)); }
  double Cosine(const std::vector<float>& query, const Hit& hit) const {
    const std::vector<float>& vector = vectors_[kPart * Part(hit) + hit.passage.ordinal];
    double sum = 0;
    for (int i = 0; i < kDimension; ++i) sum += static_cast<double>(query[i]) * vector[i];
    return sum;
  }

  // The share of the true ten nearest, of the parts that `keeps` says, that searches of "b" find;
  // each score is near the cosine of the vector that was written.
  template <typename Keeps>
  double Recall(const std::string& filter, const Keeps& keeps, bool* exact = nullptr) {
    int right = 0;
    if (exact != nullptr) *exact = true;
    for (const std::vector<float>& query : queries_) {
      std::vector<double> all;
      for (int i = 0; i < kRows; ++i) {
        if (!keeps(i / kPart)) continue;
        double sum = 0;
        for (int j = 0; j < kDimension; ++j) {
          sum += static_cast<double>(query[j]) * vectors_[i][j];
        }
        all.push_back(sum);
      }
      std::sort(all.rbegin(), all.rend());
      const SearchResult found = Search("b", query, filter);
      EXPECT_THAT(found.hits, SizeIs(10));
      if (exact != nullptr) *exact &= found.exact;
      for (const Hit& hit : found.hits) {
        EXPECT_TRUE(keeps(Part(hit)));
        EXPECT_NEAR(*hit.dense, Cosine(query, hit), 0.005);
        right += Cosine(query, hit) >= all[9] - 1e-6;
      }
    }
    return right / (10.0 * static_cast<double>(queries_.size()));
  }
  static bool All(int) { return true; }

  std::vector<uint64_t> Ids(const std::vector<float>& query) {
    std::vector<uint64_t> ids;
    for (const Hit& hit : Search("b", query).hits) ids.push_back(hit.passage.id);
    return ids;
  }

  // The files of that name in the folder of "b".
  std::vector<fs::path> Files(const std::string& name) const {
    std::vector<fs::path> out;
    const std::string folder = options_.path + "/index/" + std::to_string(id_of_b_);
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().filename() == name) out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  int id_of_b_ = 3;
  std::vector<std::vector<float>> vectors_;
  std::vector<std::vector<float>> queries_;
};

// "b" has half floats, and a compact index in memory.
class CompactVectorsTest : public CorpusVectorsTest,
                           public ::testing::WithParamInterface<VectorCodes> {
 protected:
  void SetUp() override {
    CorpusVectorsTest::SetUp();
    ASSERT_THAT(corpus_->DeleteCollection("b"), IsOk());
    ASSERT_THAT(corpus_->CreateCollection("b", "model", kDimension, PatchCodes::kNone, GetParam()),
                IsOk());
    id_of_b_ = 4;
  }
};

TEST_F(CorpusVectorsTest, BytesAreFoundByGraphsAndByComparing) {
  Fill();
  ExpectSound();
  bool exact = true;
  EXPECT_GE(Recall("", All, &exact), 0.9);
  EXPECT_FALSE(exact) << "graphs are walked";
  EXPECT_GE(Recall("part < 3", [](int part) { return part < 3; }, &exact), 0.95);
  EXPECT_TRUE(exact);
  EXPECT_GE(Recall("part != 7", [](int part) { return part != 7; }), 0.9);
}

TEST_F(CorpusVectorsTest, BytesTakeHalfOfHalfFloats) {
  Fill();
  ASSERT_OK_AND_ASSIGN(const CollectionStats bytes, corpus_->Stats("b"));
  ASSERT_OK_AND_ASSIGN(const CollectionStats halves, corpus_->Stats("c"));
  EXPECT_EQ(bytes.vectors, halves.vectors);
  EXPECT_EQ(bytes.parts.memory_halves + bytes.parts.mapped_halves, 0);
  EXPECT_EQ(bytes.parts.memory_codes, halves.parts.memory_codes);
  EXPECT_GT(halves.parts.mapped_halves, 0);
  // A key, and 196 bytes where there are 100.
  EXPECT_LT(bytes.parts.vectors, halves.parts.vectors * 2 / 3);
  int64_t rows[2] = {0, 0};
  for (const int collection : {0, 1}) {
    const std::string folder = options_.path + "/index/" + std::to_string(collection + 2);
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().filename() == "rows") {
        rows[collection] += static_cast<int64_t>(entry.file_size());
      }
    }
  }
  const auto row = [](VectorCodes codes) {
    return static_cast<int64_t>(VectorRows::FileRowBytes(codes, kDimension));
  };
  EXPECT_EQ(rows[0] % row(VectorCodes::kFloat16), 0);
  EXPECT_EQ(rows[1] % row(VectorCodes::kInt8), 0);
  EXPECT_GT(rows[1], 0);
  EXPECT_EQ(row(VectorCodes::kInt8), 4 + 4 + kDimension);
}

TEST_F(CorpusVectorsTest, BytesComeBackFromFilesAndFromTheStore) {
  Fill();
  std::vector<std::vector<uint64_t>> before;
  for (const auto& query : queries_) before.push_back(Ids(query));
  Reopen();
  EXPECT_EQ(corpus_->GetCollection("b")->vectors, VectorCodes::kInt8);
  EXPECT_EQ(corpus_->GetCollection("c")->vectors, VectorCodes::kFloat16);
  for (size_t i = 0; i < queries_.size(); ++i) EXPECT_EQ(Ids(queries_[i]), before[i]);
  ExpectSound();
  // The files are a cache.
  corpus_.reset();
  fs::remove_all(options_.path + "/index");
  Open();
  corpus_->WaitForUpkeep();
  ExpectSound();
  EXPECT_GE(Recall("", All), 0.9);
  ASSERT_OK_AND_ASSIGN(const int64_t rebuilt, corpus_->Rebuild("b"));
  EXPECT_EQ(rebuilt, kRows);
  ExpectSound();
  EXPECT_GE(Recall("", All), 0.9);
}

TEST_F(CorpusVectorsTest, DeletedBytesAreNotFoundAndErasedLeaveNothing) {
  Fill();
  for (int id = 0; id < kDocuments; id += 4) {
    ASSERT_THAT(corpus_->DeleteDocument("b", "d" + std::to_string(id)), IsOk());
  }
  EXPECT_GE(Recall("", [](int part) { return part % 4 != 0; }), 0.9);
  ExpectSound();
  const std::vector<std::string> ids = {"d1", "d2"};
  ASSERT_OK_AND_ASSIGN(const EraseReport report,
                       corpus_->Erase("b", ids, {.search = {options_.path}}));
  EXPECT_THAT(report.traces, IsEmpty());
  ExpectSound();
}

TEST_F(CorpusVectorsTest, AVectorOfBytesIsHandedOutAndCodedTheSameAgain) {
  PutPart("b", 0);
  ASSERT_OK_AND_ASSIGN(const auto passages, corpus_->DocumentPassages("b", "d0"));
  ASSERT_OK_AND_ASSIGN(const auto vector, corpus_->PassageVector("b", passages[3].id));
  ASSERT_THAT(vector, SizeIs(kDimension));
  double cosine = 0;
  for (int i = 0; i < kDimension; ++i) cosine += static_cast<double>(vector[i]) * vectors_[3][i];
  EXPECT_GT(cosine, 0.9999);
  EXPECT_EQ(StoreVector(VectorCodes::kInt8, vector).substr(sizeof(float)),
            StoreVector(VectorCodes::kInt8, vectors_[3]).substr(sizeof(float)));
}

TEST_F(CorpusVectorsTest, AGenerationKeepsBytesToo) {
  PutPart("b", 0);
  ASSERT_OK_AND_ASSIGN(const Collection next, corpus_->BeginGeneration("b", "other", 8));
  EXPECT_EQ(next.vectors, VectorCodes::kInt8);
}

TEST_F(CorpusVectorsTest, AVectorOfManyValuesThatRoundToZeroIsSound) {
  std::vector<float> vector(kDimension, 0.002f);
  vector[5] = std::sqrt(1 - 0.002f * 0.002f * (kDimension - 1));
  DocumentWrite write = OnePassage("spike", "", 1);
  write.document.collection = "b";
  write.passages[0].vector = vector;
  Put(std::move(write));
  EXPECT_THAT(DocumentsOf(Search("b", vector)), Contains("spike"));
  ExpectSound();
}

INSTANTIATE_TEST_SUITE_P(Kinds, CompactVectorsTest,
                         ::testing::Values(VectorCodes::kBinary, VectorCodes::kPq));

TEST_P(CompactVectorsTest, MostAreFoundAndScoredByHalfFloats) {
  Fill();
  ExpectSound();
  bool exact = true;
  EXPECT_GE(Recall("", All, &exact), 0.9);
  EXPECT_FALSE(exact) << "the compact index is searched";
  EXPECT_GE(Recall("part != 7", [](int part) { return part != 7; }, &exact), 0.9);
  EXPECT_FALSE(exact);
  // Too few for it: half floats are compared.
  EXPECT_GE(Recall("part < 3", [](int part) { return part < 3; }, &exact), 0.995);
  EXPECT_TRUE(exact);
  for (const std::vector<float>& query : queries_) {
    const SearchResult found = Search("b", query);
    ASSERT_TRUE(found.recall.has_value());
    EXPECT_GE(*found.recall, 0.8f);
    const SearchResult halves = Search("c", query);
    for (const Hit& hit : found.hits) {
      for (const Hit& other : halves.hits) {
        const bool same = other.passage.document_id == hit.passage.document_id &&
                          other.passage.ordinal == hit.passage.ordinal;
        EXPECT_TRUE(!same || *other.dense == *hit.dense);
      }
    }
  }
}

TEST_P(CompactVectorsTest, TheyTakeLessMemory) {
  Fill();
  ASSERT_OK_AND_ASSIGN(const CollectionStats compact, corpus_->Stats("b"));
  ASSERT_OK_AND_ASSIGN(const CollectionStats halves, corpus_->Stats("c"));
  EXPECT_EQ(compact.parts.memory_graphs, 0);
  EXPECT_EQ(compact.parts.mapped_halves + compact.parts.memory_halves,
            halves.parts.mapped_halves + halves.parts.memory_halves);
  EXPECT_GT(compact.parts.mapped_halves, 0);
  EXPECT_LT(compact.parts.memory_codes,
            (halves.parts.memory_codes + halves.parts.memory_graphs) * 3 / 4);
  if (GetParam() == VectorCodes::kBinary) {
    EXPECT_LT(compact.parts.memory_codes, halves.parts.memory_codes / 2);
  }
  EXPECT_THAT(Files("graph"), IsEmpty());
  EXPECT_THAT(Files("compact"), Not(IsEmpty()));
}

TEST_P(CompactVectorsTest, DeletedAreNotFoundAndErasedLeaveNothing) {
  Fill();
  for (int id = 0; id < kDocuments; id += 4) {
    ASSERT_THAT(corpus_->DeleteDocument("b", "d" + std::to_string(id)), IsOk());
  }
  const auto kept = [](int part) { return part % 4 != 0; };
  EXPECT_GE(Recall("", kept), 0.9);
  corpus_->WaitForUpkeep();
  EXPECT_GE(Recall("", kept), 0.9);
  ExpectSound();
  const std::vector<std::string> ids = {"d1", "d2"};
  ASSERT_OK_AND_ASSIGN(const EraseReport report,
                       corpus_->Erase("b", ids, {.search = {options_.path}}));
  EXPECT_THAT(report.traces, IsEmpty());
  ExpectSound();
  EXPECT_GE(Recall("", [](int part) { return part % 4 != 0 && part > 2; }), 0.9);
}

TEST_P(CompactVectorsTest, AStartReadsThemAndMakesNoneAnew) {
  for (const bool map : {true, false}) {
    options_.map_vectors = map;
    if (map) Fill();
    std::vector<std::vector<uint64_t>> before;
    for (const auto& query : queries_) before.push_back(Ids(query));
    const std::vector<fs::path> files = Files("compact");
    const auto written = fs::last_write_time(files.front());
    Reopen();
    corpus_->WaitForUpkeep();
    EXPECT_EQ(corpus_->GetCollection("b")->vectors, GetParam());
    EXPECT_EQ(Files("compact"), files);
    EXPECT_EQ(fs::last_write_time(files.front()), written);
    for (size_t i = 0; i < queries_.size(); ++i) EXPECT_EQ(Ids(queries_[i]), before[i]);
    ASSERT_OK_AND_ASSIGN(const CollectionStats stats, corpus_->Stats("b"));
    EXPECT_EQ(stats.parts.mapped_halves > 0, map);
    ExpectSound();
  }
}

TEST_P(CompactVectorsTest, AFlippedBitIsNoticedAndTheIndexMadeAnew) {
  Fill();
  corpus_.reset();
  const fs::path damaged = Files("compact").front();
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(damaged.string()));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  std::ofstream(damaged, std::ios::binary | std::ios::trunc) << bytes;
  Open();
  EXPECT_GE(Recall("", All), 0.9) << "whether or not it is made by now";
  corpus_->WaitForUpkeep();
  EXPECT_FALSE(fs::exists(damaged));
  EXPECT_THAT(Files("compact"), Not(IsEmpty()));
  bool exact = true;
  EXPECT_GE(Recall("", All, &exact), 0.9);
  EXPECT_FALSE(exact);
  ExpectSound();
}

TEST_P(CompactVectorsTest, TheyComeBackFromTheStore) {
  Fill();
  corpus_.reset();
  fs::remove_all(options_.path + "/index");
  Open();
  corpus_->WaitForUpkeep();
  ExpectSound();
  EXPECT_GE(Recall("", All), 0.9);
  ASSERT_OK_AND_ASSIGN(const int64_t rebuilt, corpus_->Rebuild("b"));
  EXPECT_EQ(rebuilt, kRows);
  ExpectSound();
  EXPECT_GE(Recall("", All), 0.9);
  ASSERT_OK_AND_ASSIGN(const Collection next, corpus_->BeginGeneration("b", "other", 8));
  EXPECT_EQ(next.vectors, GetParam());
}

}  // namespace
}  // namespace sightline::index
