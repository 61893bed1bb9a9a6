#include "services/query/retriever.h"

#include <gtest/gtest.h>

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

  std::vector<float> Vector(model::EncodeInput input) {
    return encoder_.Encode({&input, 1}, 64, {}).value()[0];
  }

  void Put(const std::string& id, std::vector<index::PassageWrite> passages) {
    index::DocumentWrite write;
    write.document.id = id;
    write.document.collection = "c";
    write.document.source = id + ".txt";
    write.document.state = index::DocumentState::kIndexed;
    for (index::PassageWrite& passage : passages) {
      passage.passage.ordinal = static_cast<int>(write.passages.size());
      if (!passage.passage.blob_hash.empty()) {
        write.blobs.push_back({passage.passage.blob_hash, std::string(1, 7), "image/png", 2, 2});
      }
      write.passages.push_back(std::move(passage));
    }
    ASSERT_OK_AND_ASSIGN(const auto stored, corpus_->PutDocument(std::move(write)));
  }

  absl::StatusOr<Retrieved> Retrieve(model::Reranker* reranker = nullptr) {
    const Retriever retriever(
        {}, *corpus_, encoder_, reranker,
        [](const index::Passage&, absl::Time) { return absl::StatusOr<ImagePtr>(Picture(7)); });
    return retriever.Retrieve(request_, limits_);
  }

  std::unique_ptr<TempDir> dir_;
  FakeEncoder encoder_;
  std::unique_ptr<index::Corpus> corpus_;
  RetrieveRequest request_;
  edge::CallLimits limits_;
};

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
