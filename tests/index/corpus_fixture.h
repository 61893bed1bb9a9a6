#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "index/corpus.h"
#include "tests/support/status_matchers.h"

namespace sightline::index {

inline constexpr int kTestDimension = 16;

// A unit vector that depends on `seed` alone; equal seeds give equal vectors.
inline std::vector<float> UnitVector(uint32_t seed, int dimension = kTestDimension) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(dimension);
  double squares = 0;
  for (float& value : out) {
    value = normal(random);
    squares += static_cast<double>(value) * value;
  }
  for (float& value : out) value = static_cast<float>(value / std::sqrt(squares));
  return out;
}

inline PassageWrite TextPassage(const std::string& text, uint32_t seed) {
  PassageWrite out;
  out.passage.text = text;
  out.vector = UnitVector(seed);
  return out;
}

// A document of one passage.
inline DocumentWrite OnePassage(const std::string& id, const std::string& text, uint32_t seed,
                                const std::string& metadata = "{}") {
  DocumentWrite out;
  out.document.id = id;
  out.document.collection = "c";
  out.document.source = "file:///" + id;
  out.document.state = DocumentState::kIndexed;
  out.document.metadata_json = metadata;
  out.passages.push_back(TextPassage(text, seed));
  return out;
}

inline SearchQuery DenseQuery(std::vector<float> vector, int k = 10) {
  SearchQuery query;
  query.collection = "c";
  query.vector = std::move(vector);
  query.mode = FusionMode::kDense;
  query.k = k;
  return query;
}

inline SearchQuery TextQuery(const std::string& text, int k = 10) {
  SearchQuery query;
  query.collection = "c";
  query.text = text;
  query.mode = FusionMode::kLexical;
  query.k = k;
  return query;
}

inline std::vector<std::string> DocumentsOf(const SearchResult& result) {
  std::vector<std::string> ids;
  for (const Hit& hit : result.hits) ids.push_back(hit.passage.document_id);
  return ids;
}

// A corpus in a temporary folder with one collection, "c".
class CorpusFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempDir::Create("corpus");
    ASSERT_THAT(folder, testing::IsOk());
    folder_ = *std::move(folder);
    options_.path = folder_->path() + "/data";
    options_.min_free_bytes = 0;
    Open();
    ASSERT_THAT(corpus_->CreateCollection("c", "model", kTestDimension), testing::IsOk());
  }

  void Open() {
    auto corpus = Corpus::Open(options_);
    ASSERT_THAT(corpus, testing::IsOk());
    corpus_ = *std::move(corpus);
  }
  void Reopen() {
    corpus_.reset();
    Open();
  }

  void Put(DocumentWrite write) {
    ASSERT_THAT(corpus_->PutDocument(std::move(write)), testing::IsOk());
  }
  std::vector<std::string> Find(const SearchQuery& query) {
    auto result = corpus_->Search(query);
    EXPECT_THAT(result, testing::IsOk());
    return result.ok() ? DocumentsOf(*result) : std::vector<std::string>();
  }
  void ExpectSound() {
    auto report = corpus_->Fsck();
    ASSERT_THAT(report, testing::IsOk());
    EXPECT_THAT(report->problems, ::testing::IsEmpty());
  }

  std::unique_ptr<TempDir> folder_;
  CorpusOptions options_;
  std::unique_ptr<Corpus> corpus_;
};

}  // namespace sightline::index
