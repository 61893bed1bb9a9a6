#include "services/query/retriever.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "services/edge/error_details.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeEncoder;
using ::sightline::testing::FakeReranker;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;

ImagePtr Picture(uint8_t value) {
  return std::make_shared<Image>(Image{2, 2, 3, std::vector<uint8_t>(12, value)});
}

class UntrainedEncoder : public FakeEncoder {
 public:
  UntrainedEncoder() : info_(FakeEncoder::info()) { info_.untrained = true; }
  const model::ModelInfo& info() const override { return info_; }

 private:
  model::ModelInfo info_;
};

class CountingReranker : public FakeReranker {
 public:
  absl::StatusOr<std::vector<float>> Rerank(absl::string_view instruction,
                                            const model::RerankItem& query,
                                            std::span<const model::RerankItem> items,
                                            const model::CallOptions& call) override {
    documents = items.size();
    return FakeReranker::Rerank(instruction, query, items, call);
  }
  size_t documents = 0;  // of the last call
};

// Likes best what comes last; its scores are added to the similarity.
class AddedReranker : public FakeReranker {
 public:
  explicit AddedReranker(double weight) : info_(FakeReranker::info()) {
    info_.rerank_weight = weight;
  }
  const model::ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<float>> Rerank(absl::string_view, const model::RerankItem&,
                                            std::span<const model::RerankItem> items,
                                            const model::CallOptions&) override {
    std::vector<float> scores;
    for (size_t i = 0; i < items.size(); ++i) {
      scores.push_back(static_cast<float>(i + 1) / static_cast<float>(items.size() + 1));
    }
    return scores;
  }

 private:
  model::ModelInfo info_;
};

class RetrieverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    ASSERT_OK_AND_ASSIGN(corpus_, index::Corpus::Open({.path = dir_->path()}));
    ASSERT_OK_AND_ASSIGN(const auto made,
                         corpus_->CreateCollection("c", encoder_.info().fingerprint, 64));
    Put("car", {Text("a red car on the road")});
    Put("boat", {Text("a blue boat on the lake"), Photo(7)});
    Put("copy", {Text("A red  CAR on the road")});
    Put("photo-copy", {Photo(7)});
    request_.collection = "c";
  }

  index::PassageWrite Text(const std::string& text) {
    index::PassageWrite write;
    write.passage.text = text;
    write.vector = Vector({.instruction = "", .videos = {}, .images = {}, .texts = {text}});
    return write;
  }

  // A picture passage without words; its blob's one byte names its pixels.
  index::PassageWrite Photo(uint8_t value) {
    index::PassageWrite write;
    write.passage.kind = index::PassageKind::kImage;
    write.passage.blob_hash = ContentHash(std::string(1, static_cast<char>(value)));
    write.vector =
        Vector({.instruction = "", .videos = {}, .images = {Picture(value)}, .texts = {}});
    return write;
  }

  // The one byte of a blob that Photo names.
  static std::string BytesOf(const std::string& hash) {
    std::string bytes(1, 0);
    while (ContentHash(bytes) != hash) ++bytes[0];
    return bytes;
  }

  std::vector<float> Vector(model::EncodeInput input) {
    return encoder_.Encode({&input, 1}, 64, {}).value()[0];
  }

  void AddPart(QueryPart part) { request_.content.parts.push_back(std::move(part)); }

  static std::vector<uint64_t> Passages(const Retrieved& found) {
    std::vector<uint64_t> out;
    for (const Hit& hit : found.hits) out.push_back(hit.passage.id);
    return out;
  }
  static std::vector<std::string> Documents(const Retrieved& found) {
    std::vector<std::string> out;
    for (const Hit& hit : found.hits) out.push_back(hit.passage.document_id);
    return out;
  }

  // The place of the document's first hit, -1: it has none.
  static int Place(const Retrieved& found, const std::string& document) {
    for (size_t i = 0; i < found.hits.size(); ++i) {
      if (found.hits[i].passage.document_id == document) return static_cast<int>(i);
    }
    return -1;
  }

  void Put(const std::string& id, std::vector<index::PassageWrite> passages,
           const std::string& collection = "c") {
    index::DocumentWrite write;
    write.document.id = id;
    write.document.collection = collection;
    write.document.source = id + ".txt";
    write.document.state = index::DocumentState::kIndexed;
    for (index::PassageWrite& passage : passages) {
      passage.passage.ordinal = static_cast<int>(write.passages.size());
      if (!passage.passage.blob_hash.empty()) {
        write.blobs.push_back(
            {passage.passage.blob_hash, BytesOf(passage.passage.blob_hash), "image/png", 2, 2});
      }
      write.passages.push_back(std::move(passage));
    }
    ASSERT_OK_AND_ASSIGN(const auto stored, corpus_->PutDocument(std::move(write)));
  }

  absl::StatusOr<Retrieved> Retrieve(model::Reranker* reranker = nullptr) {
    const Retriever retriever(
        options_, *corpus_, encoder_, reranker,
        [](const index::Passage&, absl::Time) { return absl::StatusOr<ImagePtr>(Picture(7)); });
    return retriever.Retrieve(request_, limits_);
  }

  std::unique_ptr<TempDir> dir_;
  FakeEncoder encoder_;
  std::unique_ptr<index::Corpus> corpus_;
  RetrieverOptions options_;
  RetrieveRequest request_;
  edge::CallLimits limits_;
};

// In "p", a collection that keeps patches as bytes.
class RetrieverPatchesTest : public RetrieverTest {
 protected:
  void SetUp() override {
    RetrieverTest::SetUp();
    ASSERT_OK_AND_ASSIGN(
        const auto made,
        corpus_->CreateCollection("p", encoder_.info().fingerprint, 64, index::PatchCodes::kInt8));
    request_.collection = "p";
    request_.mode = index::FusionMode::kDense;
    request_.content.texts = {"lantern harbour"};
  }

  // A picture as close to the query as any other, whose patches show these words.
  index::PassageWrite Showing(uint8_t value, const std::vector<std::string>& words) {
    index::PassageWrite write = Photo(value);
    write.vector = Of("lantern harbour");
    for (const std::string& word : words) write.patches.push_back(Of(word));
    return write;
  }
  std::vector<float> Of(const std::string& text) {
    return Vector({.instruction = "", .videos = {}, .images = {}, .texts = {text}});
  }
};

TEST_F(RetrieverPatchesTest, PicturesThatShowMoreOfTheWordsComeFirst) {
  Put("none", {Showing(1, {"boat", "snow"})}, "p");
  Put("one", {Showing(2, {"harbour", "snow"})}, "p");
  Put("both", {Showing(3, {"harbour", "lantern"})}, "p");
  Put("plain", {Text("lantern")}, "p");
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(Documents(found), (std::vector<std::string>{"both", "one", "none", "plain"}));
  EXPECT_NEAR(found.hits[0].patches.value(), 1, 0.02);
  EXPECT_GT(found.hits[1].patches.value(), found.hits[2].patches.value());
  EXPECT_FALSE(found.hits[3].patches.has_value());
  EXPECT_GT(found.patches_ms, 0);
}

TEST_F(RetrieverPatchesTest, TheyAreLeftOutWhereTheRequestSaysSo) {
  Put("none", {Showing(1, {"boat", "snow"})}, "p");
  Put("both", {Showing(3, {"harbour", "lantern"})}, "p");
  request_.no_patches = true;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(Documents(found), (std::vector<std::string>{"none", "both"}));
  EXPECT_FALSE(found.hits[0].patches.has_value());
  EXPECT_EQ(found.patches_ms, 0);
}

TEST_F(RetrieverPatchesTest, InAHybridSearchTheyOrderTheDenseList) {
  Put("none", {Showing(1, {"boat", "snow"})}, "p");
  Put("both", {Showing(3, {"harbour", "lantern"})}, "p");
  request_.mode = index::FusionMode::kHybrid;
  request_.explain = true;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(Documents(found), (std::vector<std::string>{"both", "none"}));
  EXPECT_EQ(found.hits[0].reason->stages.dense_rank, 1);
  EXPECT_NEAR(found.hits[0].dense.value(), 1, 1e-3);
}

TEST_F(RetrieverPatchesTest, AQueryWithAPictureIsNotScoredByItsWords) {
  Put("none", {Showing(1, {"boat", "snow"})}, "p");
  Put("both", {Showing(3, {"harbour", "lantern"})}, "p");
  request_.content.images = {Picture(9)};
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(Documents(found), (std::vector<std::string>{"none", "both"}));
  EXPECT_FALSE(found.hits[0].patches.has_value());
}

TEST_F(RetrieverPatchesTest, ACollectionThatKeepsNoneIsSearchedAsBefore) {
  request_.collection = "c";
  request_.content.texts = {"red car"};
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(Documents(found).front(), "car");
  EXPECT_FALSE(found.hits[0].patches.has_value());
  EXPECT_EQ(found.patches_ms, 0);
}

TEST_F(RetrieverTest, TheVectorOfAnEarlierQueryGivesTheSameHits) {
  cache::EmbeddingCache embeddings(1 << 20, SecretKey{});
  const Retriever retriever({}, *corpus_, encoder_, nullptr, nullptr, &embeddings);
  request_.content.texts = {"blue boat"};
  request_.content.parts = {{.weight = 1, .text = "blue boat"}, {.weight = 0.5f, .text = "car"}};
  for (int round = 0; round < 3; ++round) {
    request_.no_cache = round == 2;
    ASSERT_OK_AND_ASSIGN(const Retrieved cached, retriever.Retrieve(request_, limits_));
    ASSERT_OK_AND_ASSIGN(const Retrieved plain, Retrieve());
    ASSERT_EQ(cached.hits.size(), plain.hits.size());
    for (size_t i = 0; i < plain.hits.size(); ++i) {
      EXPECT_EQ(cached.hits[i].passage.id, plain.hits[i].passage.id);
      EXPECT_EQ(cached.hits[i].score, plain.hits[i].score);
    }
  }
  EXPECT_EQ(embeddings.stats().hits, 1);
  EXPECT_EQ(embeddings.stats().misses, 1);
}

TEST_F(RetrieverTest, TextFindsTheClosestPassageFirst) {
  request_.content.texts = {"blue boat"};
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  ASSERT_FALSE(found.hits.empty());
  EXPECT_EQ(found.hits[0].passage.document_id, "boat");
  EXPECT_TRUE(found.hits[0].dense.has_value());
  EXPECT_TRUE(found.hits[0].lexical.has_value());
  EXPECT_TRUE(found.exact);
}

TEST_F(RetrieverTest, APhotoFindsItsPictureAndEqualPicturesAreOneHit) {
  request_.content.images = {Picture(7)};
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  ASSERT_FALSE(found.hits.empty());
  EXPECT_EQ(found.hits[0].passage.kind, index::PassageKind::kImage);
  int pictures = 0;
  for (const Hit& hit : found.hits) pictures += hit.passage.kind == index::PassageKind::kImage;
  EXPECT_EQ(pictures, 1);
}

TEST_F(RetrieverTest, TextAndPhotoTogetherFindTheDocumentOfBoth) {
  request_.content.texts = {"boat lake"};
  request_.content.images = {Picture(7)};
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  ASSERT_GE(found.hits.size(), 2u);
  EXPECT_EQ(found.hits[0].passage.document_id, "boat");
  EXPECT_EQ(found.hits[1].passage.document_id, "boat");
}

TEST_F(RetrieverTest, PassagesOfEqualWordingAreOneHit) {
  request_.content.texts = {"red car"};
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  int cars = 0;
  for (const Hit& hit : found.hits) {
    cars += hit.passage.document_id == "car" || hit.passage.document_id == "copy";
  }
  EXPECT_EQ(cars, 1);
}

TEST_F(RetrieverTest, PhrasesAreReadWhenAskedForAndOneWithManyCandidatesIsWarnedOf) {
  request_.content.texts = {"\"blue boat\""};
  request_.text_syntax = true;
  ASSERT_OK_AND_ASSIGN(const Retrieved one, Retrieve());
  EXPECT_THAT(Documents(one), ::testing::ElementsAre("boat"));
  EXPECT_THAT(one.warnings, ::testing::IsEmpty());
  request_.text_syntax = false;
  ASSERT_OK_AND_ASSIGN(const Retrieved plain, Retrieve());
  EXPECT_GT(plain.hits.size(), 1u);
  index::PassageWrite turned;
  turned.passage.text = "boat blue";
  Put("many", std::vector<index::PassageWrite>(index::kMaxPhrasePassages, turned));
  request_.text_syntax = true;
  ASSERT_OK_AND_ASSIGN(const Retrieved cut, Retrieve());
  EXPECT_THAT(cut.warnings, Contains(HasSubstr("the 2000 best")));
}

TEST_F(RetrieverTest, KBoundsTheHits) {
  request_.content.texts = {"on the"};
  request_.k = 1;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(found.hits.size(), 1u);
  for (const int k : {0, -1, 1001}) {
    request_.k = k;
    EXPECT_THAT(Retrieve(), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(RetrieverTest, RerankingOrdersByTheRerankersScore) {
  request_.content.texts = {"lake boat blue"};
  request_.rerank = true;
  FakeReranker reranker;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve(&reranker));
  ASSERT_FALSE(found.hits.empty());
  EXPECT_EQ(found.hits[0].passage.text, "a blue boat on the lake");
  EXPECT_EQ(found.hits[0].rerank, 1.0f);
  EXPECT_EQ(found.hits[0].score, 1.0f);
}

TEST_F(RetrieverTest, TheRerankersLogOddsAreAddedToTheSimilarityWhereItSaysSo) {
  request_.content.texts = {"lake boat blue"};
  request_.mode = index::FusionMode::kDense;
  ASSERT_OK_AND_ASSIGN(const Retrieved similar, Retrieve());
  std::vector<uint64_t> reversed = Passages(similar);
  std::reverse(reversed.begin(), reversed.end());
  ASSERT_NE(Passages(similar), reversed);
  request_.rerank = true;
  AddedReranker a_little(1e-7);
  ASSERT_OK_AND_ASSIGN(const Retrieved little, Retrieve(&a_little));
  EXPECT_EQ(Passages(little), Passages(similar));
  AddedReranker half(0.05);
  ASSERT_OK_AND_ASSIGN(const Retrieved both, Retrieve(&half));
  for (const Hit& hit : both.hits) {
    const double p = std::clamp(static_cast<double>(*hit.rerank), 1e-6, 1 - 1e-6);
    EXPECT_NEAR(hit.score, *hit.dense + 0.05 * std::log(p / (1 - p)), 1e-5);
  }
  options_.rerank_weight = 1;  // the server's word goes before the model's
  ASSERT_OK_AND_ASSIGN(const Retrieved much, Retrieve(&a_little));
  EXPECT_EQ(Passages(much), reversed);
}

TEST_F(RetrieverTest, WhatOnlyWordsFoundIsAsSimilarAsTheLeastOfTheOthers) {
  request_.content.texts = {"lake boat blue"};
  request_.mode = index::FusionMode::kLexical;
  request_.rerank = true;
  AddedReranker reranker(0.05);
  ASSERT_OK_AND_ASSIGN(const Retrieved words, Retrieve(&reranker));
  ASSERT_FALSE(words.hits.empty());
  EXPECT_EQ(words.hits[0].score, *words.hits[0].rerank);  // none is known to be similar
  request_.mode = index::FusionMode::kHybrid;
  request_.candidates = 2;  // of each list
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve(&reranker));
  float least = 1;
  for (const Hit& hit : found.hits) least = std::min(least, hit.dense.value_or(1));
  for (const Hit& hit : found.hits) {
    const double p = std::clamp(static_cast<double>(*hit.rerank), 1e-6, 1 - 1e-6);
    EXPECT_NEAR(hit.score, hit.dense.value_or(least) + 0.05 * std::log(p / (1 - p)), 1e-5);
  }
}

TEST_F(RetrieverTest, CandidatesBoundWhatIsReranked) {
  request_.content.texts = {"lake boat blue"};
  request_.rerank = true;
  request_.k = 1;
  CountingReranker reranker;
  EXPECT_THAT(Retrieve(&reranker), IsOk());
  EXPECT_EQ(reranker.documents, 3u);
  request_.candidates = 2;
  EXPECT_THAT(Retrieve(&reranker), IsOk());
  EXPECT_EQ(reranker.documents, 2u);
}

TEST_F(RetrieverTest, RerankingWithoutARerankerIsAnError) {
  request_.content.texts = {"x"};
  request_.rerank = true;
  const auto found = Retrieve();
  EXPECT_THAT(found, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(edge::Reason(found.status()), "no_reranker");
}

TEST_F(RetrieverTest, LessLikeThatMovesWhatIsLikeItDown) {
  // Two boats: one on the lake, one at sea.
  Put("sea", {Text("a blue boat at sea")});
  request_.mode = index::FusionMode::kDense;
  request_.content.texts = {"blue boat"};
  AddPart({.weight = 1, .text = "blue boat"});
  AddPart({.weight = -0.5f, .text = "lake"});
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(Place(found, "sea"), 0);
  EXPECT_GT(Place(found, "boat"), 0);
  request_.content.parts[1].weight = 0.5f;
  ASSERT_OK_AND_ASSIGN(const Retrieved more, Retrieve());
  EXPECT_EQ(Place(more, "boat"), 0);
}

TEST_F(RetrieverTest, TheVectorOfPartsIsTheirWeightedSumNormalised) {
  request_.mode = index::FusionMode::kDense;
  AddPart({.weight = 2, .text = "a red car on the road"});
  AddPart({.weight = -1, .text = "lake"});
  const auto car =
      Vector({.instruction = "", .videos = {}, .images = {}, .texts = {"a red car on the road"}});
  const auto lake = Vector({.instruction = "", .videos = {}, .images = {}, .texts = {"lake"}});
  double squares = 0;
  double along = 0;
  for (size_t i = 0; i < car.size(); ++i) {
    const double sum = 2 * car[i] - lake[i];
    squares += sum * sum;
    along += sum * car[i];
  }
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(found.hits[0].passage.document_id, "car");
  EXPECT_NEAR(*found.hits[0].dense, along / std::sqrt(squares), 1e-3);
}

TEST_F(RetrieverTest, WordSearchAndRerankerGetThePositivePartsAlone) {
  request_.content.texts = {"car"};
  AddPart({.weight = 1, .text = "car"});
  AddPart({.weight = -1, .text = "blue boat lake"});
  request_.rerank = true;
  FakeReranker reranker;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve(&reranker));
  const int boat = Place(found, "boat");
  ASSERT_GE(boat, 0);
  EXPECT_FALSE(found.hits[boat].lexical.has_value());
  EXPECT_EQ(found.hits[boat].rerank, 0.0f);
  EXPECT_EQ(found.hits[0].passage.document_id, "car");
  EXPECT_EQ(found.hits[0].rerank, 1.0f);
}

TEST_F(RetrieverTest, PartsThatCancelEachOtherOutAreAnError) {
  AddPart({.weight = 1, .text = "boat"});
  AddPart({.weight = -1, .text = "boat"});
  const auto found = Retrieve();
  EXPECT_THAT(found, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(edge::Reason(found.status()), "zero_vector");
}

TEST_F(RetrieverTest, AStoredPassageFindsWhatIsLikeItAndNotItself) {
  Put("sea", {Text("a blue boat on the sea")});
  ASSERT_OK_AND_ASSIGN(const auto boat, corpus_->DocumentPassages("c", "boat"));
  AddPart({.passage_id = boat[0].id});
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(found.hits[0].passage.document_id, "sea");
  EXPECT_GT(*found.hits[0].dense, 0.7f);
  for (const Hit& hit : found.hits) EXPECT_NE(hit.passage.id, boat[0].id);
  // The other passage of its document may stand there.
  EXPECT_GE(Place(found, "boat"), 0);
}

TEST_F(RetrieverTest, AStoredDocumentIsTheMeanOfItsPassagesAndNoneOfThemIsAHit) {
  AddPart({.document_id = "boat"});
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(Place(found, "boat"), -1);
  EXPECT_EQ(found.hits[0].passage.document_id, "photo-copy");
  const auto text =
      Vector({.instruction = "", .videos = {}, .images = {}, .texts = {"a blue boat on the lake"}});
  const auto photo = Vector({.instruction = "", .videos = {}, .images = {Picture(7)}, .texts = {}});
  double squares = 0;
  double along = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const double sum = text[i] + photo[i];
    squares += sum * sum;
    along += sum * photo[i];
  }
  EXPECT_NEAR(*found.hits[0].dense, along / std::sqrt(squares), 1e-3);
}

TEST_F(RetrieverTest, StoredPartsNeedNoEncoderOfTheirModel) {
  ASSERT_OK_AND_ASSIGN(const auto made,
                       corpus_->CreateCollection("old", ContentHash("another model"), 64));
  Put("one", {Text("a red car")}, "old");
  Put("two", {Text("a red cart")}, "old");
  request_.collection = "old";
  AddPart({.document_id = "one"});
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  ASSERT_EQ(found.hits.size(), 1u);
  EXPECT_EQ(found.hits[0].passage.document_id, "two");
  AddPart({.weight = 1, .text = "car"});
  EXPECT_EQ(edge::Reason(Retrieve().status()), "other_model");
}

TEST_F(RetrieverTest, StoredPartsAreRerankedByTheirWords) {
  AddPart({.document_id = "car"});
  Put("truck", {Text("a red truck on the road")});
  request_.rerank = true;
  FakeReranker reranker;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve(&reranker));
  EXPECT_EQ(found.hits[0].passage.document_id, "copy");
  EXPECT_EQ(found.hits[0].rerank, 1.0f);
  EXPECT_EQ(Place(found, "truck"), 1);
}

TEST_F(RetrieverTest, StoredPartsThatAreNotThereAreNamed) {
  ASSERT_OK_AND_ASSIGN(const auto made,
                       corpus_->CreateCollection("other", encoder_.info().fingerprint, 64));
  Put("far", {Text("far away")}, "other");
  ASSERT_OK_AND_ASSIGN(const auto far, corpus_->DocumentPassages("other", "far"));
  index::PassageWrite words;
  words.passage.text = "words alone";
  Put("words", {words});
  const std::vector<std::pair<QueryPart, std::string>> cases = {
      {{.field = "query[0]", .passage_id = 5}, "no_passage"},
      {{.field = "query[0]", .passage_id = far[0].id}, "no_passage"},
      {{.field = "query[0]", .document_id = "far"}, "no_document"},
      {{.field = "query[0]", .document_id = "words"}, "no_vector"}};
  for (const auto& [part, reason] : cases) {
    request_.content.parts = {part};
    const auto found = Retrieve();
    EXPECT_EQ(edge::Reason(found.status()), reason) << found.status();
    ASSERT_EQ(edge::Fields(found.status()).size(), 1u);
    EXPECT_EQ(edge::Fields(found.status())[0].field, "query[0]");
    EXPECT_TRUE(edge::ResourceOf(found.status()).has_value());
  }
}

TEST_F(RetrieverTest, ALexicalSearchLeavesStoredPartsOutOfTheHitsAndSaysWhatItDidNotUse) {
  request_.mode = index::FusionMode::kLexical;
  request_.content.texts = {"road"};
  AddPart({.weight = 1, .text = "road"});
  AddPart({.document_id = "car"});
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  ASSERT_EQ(found.hits.size(), 1u);
  EXPECT_EQ(found.hits[0].passage.document_id, "copy");
  EXPECT_THAT(found.warnings, Contains(HasSubstr("weight above 0 alone")));
}

TEST_F(RetrieverTest, GroupingCountsDocumentsAndKeepsTheirHitsTogether) {
  Put("fleet", {Text("a blue boat"), Text("blue boat number two"), Text("blue boat, the third")});
  request_.mode = index::FusionMode::kDense;
  request_.content.texts = {"blue boat"};
  request_.group_by_document = true;
  request_.k = 2;
  ASSERT_OK_AND_ASSIGN(const Retrieved one, Retrieve());
  EXPECT_EQ(Documents(one), (std::vector<std::string>{"fleet", "boat"}));
  request_.group_size = 2;
  ASSERT_OK_AND_ASSIGN(const Retrieved two, Retrieve());
  EXPECT_EQ(Documents(two), (std::vector<std::string>{"fleet", "fleet", "boat", "boat"}));
  EXPECT_EQ(two.hits[0].passage.id, one.hits[0].passage.id);
  EXPECT_GE(two.hits[0].score, two.hits[1].score);
}

TEST_F(RetrieverTest, GroupingFindsKDocumentsBehindOneThatFillsTheCandidates) {
  std::vector<index::PassageWrite> many;
  for (int i = 0; i < 700; ++i) many.push_back(Text(absl::StrCat("anchor ", i)));
  Put("log", many);
  request_.mode = index::FusionMode::kDense;
  request_.content.texts = {"anchor"};
  request_.group_by_document = true;
  request_.k = 3;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  ASSERT_EQ(found.hits.size(), 3u);
  EXPECT_EQ(found.hits[0].passage.document_id, "log");
  EXPECT_TRUE(found.warnings.empty());
  request_.candidates = 50;
  ASSERT_OK_AND_ASSIGN(const Retrieved few, Retrieve());
  EXPECT_EQ(few.hits.size(), 1u);
  EXPECT_THAT(few.warnings, Contains(HasSubstr("fewer documents than k")));
}

TEST_F(RetrieverTest, ADocumentWhoseBestPassageIsADuplicateShowsItsNextOne) {
  Put("notes", {Text("a red car on the road"), Text("a red car in town")});
  request_.content.texts = {"a red car on the road"};
  request_.mode = index::FusionMode::kDense;
  request_.group_by_document = true;
  request_.explain = true;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ(found.hits[0].passage.document_id, "car");
  EXPECT_EQ(found.hits[0].reason->duplicates.size(), 2u);
  const int notes = Place(found, "notes");
  ASSERT_GE(notes, 0);
  EXPECT_EQ(found.hits[notes].passage.text, "a red car in town");
  EXPECT_EQ(found.hits[notes].reason->group_rank, 1);
}

TEST_F(RetrieverTest, NearDuplicatesAreCollapsedWhenAskedTo) {
  const auto hashed = [&](uint8_t value, uint64_t hash) {
    index::PassageWrite write = Photo(value);
    write.vector = Photo(100).vector;
    write.passage.picture_hash = hash;
    return write;
  };
  Put("first", {hashed(101, 0xff)});
  Put("near", {hashed(102, 0xfe)});
  Put("far", {hashed(103, ~uint64_t{0xff})});
  request_.content.images = {Picture(100)};
  request_.mode = index::FusionMode::kDense;
  request_.explain = true;
  ASSERT_OK_AND_ASSIGN(const Retrieved all, Retrieve());
  EXPECT_GE(Place(all, "first"), 0);
  EXPECT_GE(Place(all, "near"), 0);
  request_.collapse = true;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  EXPECT_EQ((Place(found, "first") >= 0) + (Place(found, "near") >= 0), 1);
  EXPECT_GE(Place(found, "far"), 0);
  EXPECT_GE(Place(found, "car"), 0);
  const int kept = std::max(Place(found, "first"), Place(found, "near"));
  EXPECT_EQ(found.hits[kept].reason->duplicates.size(), 1u);
}

TEST_F(RetrieverTest, GroupsAreOrderedByTheRerankersScore) {
  Put("fleet", {Text("blue lights"), Text("blue boat lake")});
  request_.content.texts = {"blue boat lake"};
  request_.group_by_document = true;
  request_.rerank = true;
  FakeReranker reranker;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve(&reranker));
  EXPECT_EQ(found.hits[0].rerank, 1.0f);
  EXPECT_EQ(found.hits[1].rerank, 1.0f);
  EXPECT_EQ(std::min(Place(found, "fleet"), Place(found, "boat")), 0);
  std::vector<std::string> documents = Documents(found);
  std::sort(documents.begin(), documents.end());
  EXPECT_EQ(std::unique(documents.begin(), documents.end()), documents.end());
}

TEST_F(RetrieverTest, NeighboursStandAroundEachHit) {
  Put("tale", {Text("one"), Text("two"), Text("three"), Text("four")});
  request_.content.texts = {"two"};
  request_.k = 1;
  request_.neighbours = 2;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  ASSERT_EQ(found.hits.size(), 1u);
  ASSERT_EQ(found.hits[0].passage.text, "two");
  std::vector<std::string> around;
  for (const Neighbour& beside : found.hits[0].neighbours) {
    around.push_back(absl::StrCat(beside.offset, " ", beside.passage.text));
  }
  EXPECT_EQ(around, (std::vector<std::string>{"-1 one", "1 three", "2 four"}));
}

TEST_F(RetrieverTest, AnExplanationSaysRanksPartsAndWords) {
  request_.content.texts = {"the Boat sank"};
  request_.explain = true;
  ASSERT_OK_AND_ASSIGN(const Retrieved found, Retrieve());
  for (const Hit& hit : found.hits) {
    ASSERT_TRUE(hit.reason.has_value());
    EXPECT_FLOAT_EQ(hit.reason->fused_score,
                    hit.reason->stages.dense_part + hit.reason->stages.lexical_part);
    EXPECT_EQ(hit.reason->stages.lexical_rank > 0, hit.lexical.has_value());
  }
  const Hit& best = found.hits[0];
  EXPECT_EQ(best.passage.text, "a blue boat on the lake");
  EXPECT_EQ(best.reason->fused_rank, 1);
  EXPECT_EQ(best.reason->stages.lexical_rank, 1);
  EXPECT_FLOAT_EQ(best.reason->stages.lexical_part, 1.0f / 61);
  EXPECT_EQ(best.reason->stages.matched_terms, (std::vector<std::string>{"boat"}));
  request_.explain = false;
  ASSERT_OK_AND_ASSIGN(const Retrieved plain, Retrieve());
  EXPECT_FALSE(plain.hits[0].reason.has_value());
}

TEST_F(RetrieverTest, FormsOutOfRangeNameTheirField) {
  request_.content.texts = {"x"};
  const auto fault = [&](RetrieveRequest request) {
    std::swap(request, request_);
    const auto found = Retrieve();
    std::swap(request, request_);
    const auto fields = edge::Fields(found.status());
    return fields.empty() ? std::string("none") : fields[0].field;
  };
  RetrieveRequest request = request_;
  request.group_size = 2;
  EXPECT_EQ(fault(request), "group_size");
  request.group_by_document = true;
  EXPECT_EQ(fault(request), "none");
  for (const int size : {0, 101}) {
    request.group_size = size;
    EXPECT_EQ(fault(request), "group_size");
  }
  request.group_size = 100;
  EXPECT_EQ(fault(request), "none");
  request.k = 11;
  EXPECT_EQ(fault(request), "group_size");
  request = request_;
  for (const int neighbours : {-1, 6}) {
    request.neighbours = neighbours;
    EXPECT_EQ(fault(request), "neighbours");
  }
  request = request_;
  request.time = {absl::FromUnixSeconds(2), absl::FromUnixSeconds(1)};
  EXPECT_EQ(fault(request), "time_to");
}

TEST_F(RetrieverTest, UnknownCollectionIsNotFoundAndNamed) {
  request_.collection = "none";
  request_.content.texts = {"x"};
  const auto found = Retrieve();
  EXPECT_THAT(found, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(edge::ResourceOf(found.status())->name, "none");
}

TEST_F(RetrieverTest, VectorsOfAnotherModelAreRefusedExceptForLexicalSearch) {
  ASSERT_OK_AND_ASSIGN(const auto made,
                       corpus_->CreateCollection("old", ContentHash("another model"), 64));
  request_.collection = "old";
  request_.content.texts = {"x"};
  const auto found = Retrieve();
  EXPECT_THAT(found, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("old")));
  EXPECT_EQ(edge::Reason(found.status()), "other_model");
  request_.mode = index::FusionMode::kLexical;
  EXPECT_THAT(Retrieve(), testing::IsOk());
}

TEST_F(RetrieverTest, LexicalSearchNeedsText) {
  request_.mode = index::FusionMode::kLexical;
  request_.content.images = {Picture(7)};
  EXPECT_THAT(Retrieve(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RetrieverTest, StopsBetweenStagesWhenNobodyWaits) {
  request_.content.texts = {"x"};
  limits_.cancel = std::make_shared<absl::Notification>();
  limits_.cancel->Notify();
  EXPECT_THAT(Retrieve(), StatusIs(absl::StatusCode::kCancelled));
  limits_.deadline = absl::InfinitePast();
  EXPECT_THAT(Retrieve(), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(RetrieverTest, UntrainedWeightsAreSaidSo) {
  UntrainedEncoder untrained;
  const Retriever retriever({}, *corpus_, untrained, nullptr,
                            [](const index::Passage&, absl::Time) {
                              return absl::StatusOr<ImagePtr>(absl::NotFoundError("none"));
                            });
  request_.content.texts = {"x"};
  ASSERT_OK_AND_ASSIGN(const Retrieved dense, retriever.Retrieve(request_, limits_));
  EXPECT_TRUE(dense.dense_untrained);
  EXPECT_THAT(dense.warnings, Contains(HasSubstr("dense scores carry no meaning")));
  request_.mode = index::FusionMode::kLexical;
  ASSERT_OK_AND_ASSIGN(const Retrieved lexical, retriever.Retrieve(request_, limits_));
  EXPECT_TRUE(lexical.warnings.empty());
}

}  // namespace
}  // namespace sightline::query
