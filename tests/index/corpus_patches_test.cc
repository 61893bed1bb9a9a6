#include <filesystem>

#include "index/backup.h"
#include "index/key_codec.h"
#include "index/patch_codes.h"
#include "index/store.h"
#include "rocksdb/write_batch.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using sightline::testing::IsOk;
using sightline::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kDimension = 64;
constexpr uint32_t kPatched = 2;  // number of the collection with patches; the fixture's is 1

// A unit vector at `cosine` to axis 0, and otherwise along axis `other`.
std::vector<float> Near(float cosine, int other) {
  std::vector<float> out(kDimension);
  out[0] = cosine;
  out[static_cast<size_t>(other)] = std::sqrt(1 - cosine * cosine);
  return out;
}

std::vector<float> Axis(int axis) {
  std::vector<float> out(kDimension);
  out[static_cast<size_t>(axis)] = 1;
  return out;
}

// Collections "p", which keeps patches as bytes, and "c", which keeps none. Queries go along axis
// 0, and their words along axes 10 and 11.
class CorpusPatchesTest : public CorpusFixture {
 protected:
  void SetUp() override {
    CorpusFixture::SetUp();
    ASSERT_THAT(corpus_->CreateCollection("p", "model", kDimension, PatchCodes::kInt8), IsOk());
  }

  // A document of one passage at `cosine` to the query, and its patches, if any.
  static DocumentWrite Picture(const std::string& id, float cosine,
                               std::vector<std::vector<float>> patches) {
    DocumentWrite write = OnePassage(id, "picture " + id, 1);
    write.document.collection = "p";
    write.passages[0].passage.kind = PassageKind::kImage;
    write.passages[0].vector = Near(cosine, 30 + id[0] % 16);
    write.passages[0].patches = std::move(patches);
    return write;
  }

  static SearchQuery Query() {
    SearchQuery query;
    query.collection = "p";
    query.mode = FusionMode::kDense;
    query.vector = Axis(0);
    query.patch_words = {Axis(10), Axis(11)};
    return query;
  }

  std::vector<Hit> Hits(const SearchQuery& query) {
    auto found = corpus_->Search(query);
    EXPECT_THAT(found, IsOk());
    return found.ok() ? std::move(found->hits) : std::vector<Hit>();
  }

  std::vector<std::string> Problems() {
    auto report = corpus_->Fsck();
    EXPECT_THAT(report, IsOk());
    return report.ok() ? report->problems : std::vector<std::string>();
  }

  // How many passages of "p" have patches in the store.
  int StoredPatches() {
    corpus_.reset();
    auto store = Store::Open(options_.path + "/store");
    EXPECT_THAT(store, IsOk());
    int found = 0;
    EXPECT_THAT((*store)->Scan(PatchesPrefix(kPatched), nullptr,
                               [&](absl::string_view, absl::string_view) {
                                 ++found;
                                 return absl::StatusOr<bool>(true);
                               }),
                IsOk());
    store->reset();
    Open();
    return found;
  }

  void Change(const std::function<void(rocksdb::WriteBatch&)>& change) {
    corpus_.reset();
    auto store = Store::Open(options_.path + "/store");
    ASSERT_THAT(store, IsOk());
    rocksdb::WriteBatch batch;
    change(batch);
    ASSERT_THAT((*store)->Write(batch), IsOk());
    store->reset();
    Open();
  }

  // Two pictures equally close, of which the second shows both words, and a text between nobody.
  void PutThree() {
    Put(Picture("a", 0.8f, {Axis(20), Axis(21)}));
    Put(Picture("b", 0.8f, {Axis(20), Axis(10), Axis(11)}));
    Put(Picture("t", 0.9f, {}));
  }
};

TEST_F(CorpusPatchesTest, TheOneWhosePatchesShowTheWordsComesFirst) {
  PutThree();
  const std::vector<Hit> hits = Hits(Query());
  ASSERT_EQ(hits.size(), 3u);
  EXPECT_EQ(hits[0].passage.document_id, "t");  // keeps its place
  EXPECT_FALSE(hits[0].patches.has_value());
  EXPECT_EQ(hits[1].passage.document_id, "b");
  EXPECT_NEAR(hits[1].patches.value(), 1, 0.01);
  EXPECT_EQ(hits[2].passage.document_id, "a");
  EXPECT_NEAR(hits[2].patches.value(), 0, 0.01);
}

TEST_F(CorpusPatchesTest, WithoutWordsTheOrderIsThatOfTheVectors) {
  PutThree();
  SearchQuery query = Query();
  query.patch_words.clear();
  EXPECT_THAT(Find(query), ElementsAre("t", "a", "b"));
  EXPECT_FALSE(Hits(query)[1].patches.has_value());
}

TEST_F(CorpusPatchesTest, OnlyTheFirstAreScored) {
  PutThree();
  SearchQuery query = Query();
  query.patch_top = 2;
  EXPECT_THAT(Find(query), ElementsAre("t", "a", "b"));
  EXPECT_TRUE(Hits(query)[1].patches.has_value());
  EXPECT_FALSE(Hits(query)[2].patches.has_value());
}

TEST_F(CorpusPatchesTest, AHitShowsItsOwnCosineInAnothersPlace) {
  Put(Picture("a", 0.81f, {Axis(20)}));
  Put(Picture("b", 0.80f, {Axis(20)}));
  Put(Picture("d", 0.79f, {Axis(20)}));
  Put(Picture("e", 0.78f, {Axis(10), Axis(11)}));
  const std::vector<Hit> hits = Hits(Query());
  ASSERT_EQ(hits.size(), 4u);
  const auto at = std::find_if(hits.begin(), hits.end(),
                               [](const Hit& hit) { return hit.passage.document_id == "e"; });
  EXPECT_LT(at - hits.begin(), 3);
  EXPECT_NEAR(at->dense.value(), 0.78, 1e-3);
  EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end(),
                             [](const Hit& a, const Hit& b) { return a.score > b.score; }));
}

TEST_F(CorpusPatchesTest, AWriteWithPatchesThatCannotBeKeptIsRefused) {
  DocumentWrite write = OnePassage("a", "text", 1);
  write.passages[0].patches = {UnitVector(2)};
  EXPECT_THAT(corpus_->PutDocument(write),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("keeps no patches")));
  write = Picture("a", 0.8f, {Axis(1)});
  write.passages[0].vector.clear();
  EXPECT_THAT(corpus_->PutDocument(write),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("without a vector")));
  write = Picture("a", 0.8f, {std::vector<float>(kDimension, 1.0f)});
  EXPECT_THAT(corpus_->PutDocument(write),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("patch: vector has length")));
  write = Picture("a", 0.8f, std::vector<std::vector<float>>(kMaxPatches + 1, Axis(1)));
  EXPECT_THAT(corpus_->PutDocument(write),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1025 patches")));
}

TEST_F(CorpusPatchesTest, TheyAreReplacedAndDeletedWithTheirPassage) {
  PutThree();
  EXPECT_EQ(StoredPatches(), 2);
  Put(Picture("a", 0.8f, {Axis(10), Axis(11)}));
  Put(Picture("b", 0.8f, {}));
  EXPECT_EQ(StoredPatches(), 1);
  EXPECT_NEAR(Hits(Query())[1].patches.value_or(0) + Hits(Query())[2].patches.value_or(0), 1, 0.01);
  ASSERT_THAT(corpus_->DeleteDocument("p", "a"), IsOk());
  EXPECT_EQ(StoredPatches(), 0);
  ExpectSound();
}

TEST_F(CorpusPatchesTest, TheyAreThereAfterARestartAndInABackup) {
  PutThree();
  const std::string backups = folder_->path() + "/backups";
  ASSERT_THAT(corpus_->Backup(backups, 0), IsOk());
  Reopen();
  const auto collection = corpus_->GetCollection("p");
  ASSERT_THAT(collection, IsOk());
  EXPECT_EQ(collection->patches, PatchCodes::kInt8);
  EXPECT_EQ(corpus_->GetCollection("c")->patches, PatchCodes::kNone);
  EXPECT_THAT(Find(Query()), ElementsAre("t", "b", "a"));
  ExpectSound();

  CorpusOptions options = options_;
  options.path = folder_->path() + "/restored";
  ASSERT_THAT(RestoreBackup(backups, 0, options.path), IsOk());
  corpus_.reset();
  ASSERT_OK_AND_ASSIGN(corpus_, Corpus::Open(options));
  EXPECT_THAT(Find(Query()), ElementsAre("t", "b", "a"));
  ExpectSound();
}

TEST_F(CorpusPatchesTest, AnEraseLeavesNothingOfThem) {
  PutThree();
  EraseOptions options;
  options.verify = true;
  options.deadline = absl::Now() + absl::Seconds(60);
  const auto report = corpus_->Erase("p", std::vector<std::string>{"a", "b"}, options);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->traces, IsEmpty());
  EXPECT_EQ(StoredPatches(), 0);
}

TEST_F(CorpusPatchesTest, ADeletedCollectionTakesThemAlong) {
  PutThree();
  ASSERT_THAT(corpus_->DeleteCollection("p"), IsOk());
  EXPECT_EQ(StoredPatches(), 0);
  ExpectSound();
}

TEST_F(CorpusPatchesTest, FsckFindsThoseThatAreMissingStrangeOrMalformed) {
  PutThree();
  Change([](rocksdb::WriteBatch& batch) {
    batch.Delete(PatchesKey(kPatched, 1));
    batch.Put(PatchesKey(kPatched, 2), "\1\2nonsense");
    batch.Put(
        PatchesKey(kPatched, 77),
        EncodePatches(PatchCodes::kInt8, std::vector<std::vector<float>>{Axis(1)}, kDimension));
  });
  const std::vector<std::string> problems = Problems();
  EXPECT_THAT(problems, Contains(HasSubstr("the patches of 2 passages are missing")));
  EXPECT_THAT(problems, Contains(HasSubstr("patches of 2: store: malformed patches")));
  EXPECT_THAT(problems, Contains(HasSubstr("patches 77 belong to no passage")));
}

TEST_F(CorpusPatchesTest, MalformedOnesAreADataLossOfTheSearch) {
  PutThree();
  Change([](rocksdb::WriteBatch& batch) { batch.Put(PatchesKey(kPatched, 2), "\1\2nonsense"); });
  EXPECT_THAT(corpus_->Search(Query()), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(CorpusPatchesTest, StatsTellTheirBytesApart) {
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) {
    DocumentWrite write = Picture(std::string(1, static_cast<char>('0' + i)), 0.5f, {});
    for (uint32_t at = 0; at < 100; ++at) {
      write.passages[0].patches.push_back(UnitVector(1000 * i + at, kDimension));
    }
    Blob blob;
    for (int at = 0; at < 4000; ++at) blob.bytes.push_back(static_cast<char>(random()));
    blob.hash = ContentHash(blob.bytes);
    blob.media_type = "image/png";
    blob.width = blob.height = 10;
    write.passages[0].passage.blob_hash = blob.hash;
    write.blobs.push_back(blob);
    Put(std::move(write));
  }
  for (const bool in_files : {false, true}) {
    if (in_files) Reopen();
    SCOPED_TRACE(in_files ? "in files" : "in memory");
    const auto stats = corpus_->Stats("p");
    ASSERT_THAT(stats, IsOk());
    const CollectionBytes& parts = stats->parts;
    // Codes of 100 patches in 50 passages; the store's estimate is rough.
    const double codes =
        50.0 * 100 * static_cast<double>(PatchBytes(PatchCodes::kInt8, kDimension));
    EXPECT_GT(static_cast<double>(parts.patches), codes / 2);
    EXPECT_LT(static_cast<double>(parts.patches), codes * 2);
    EXPECT_GT(parts.pictures, 50 * 2000);
    EXPECT_GT(parts.records, 0);
    EXPECT_GT(parts.vectors, 0);
    EXPECT_LT(parts.vectors, parts.patches);
    EXPECT_GT(parts.postings, 0);
    EXPECT_EQ(parts.memory_codes, 50 * (64 + 16));
    EXPECT_EQ(parts.memory_halves, 50 * 2 * kDimension);
    EXPECT_EQ(parts.mapped_halves, 0);
    EXPECT_EQ(parts.memory_graphs, 0);
  }
  const auto other = corpus_->Stats("c");
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ(other->parts.pictures, 0);
  EXPECT_EQ(other->parts.memory_codes, 0);
}

TEST_F(CorpusPatchesTest, StatsOfASegmentTellWhatIsMapped) {
  options_.exact_below = 20;
  options_.head_limit = 10;
  Reopen();
  for (int i = 0; i < 40; ++i) Put(Picture(std::string(1, static_cast<char>('0' + i)), 0.5f, {}));
  corpus_->WaitForUpkeep();
  const auto stats = corpus_->Stats("p");
  ASSERT_THAT(stats, IsOk());
  EXPECT_EQ(stats->parts.memory_codes, 40 * (64 + 16));
  EXPECT_EQ(stats->parts.mapped_halves + stats->parts.memory_halves, 40 * 2 * kDimension);
  EXPECT_GT(stats->parts.mapped_halves, 0);
  EXPECT_GT(stats->parts.memory_graphs, 0);
  EXPECT_GT(stats->parts.index_files, stats->parts.mapped_halves);
}

}  // namespace
}  // namespace sightline::index
