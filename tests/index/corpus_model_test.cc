#include <algorithm>
#include <map>
#include <random>

#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;

struct ModelPassage {
  std::string word;
  uint32_t seed = 0;
  bool has_vector = true;
};

struct ModelDocument {
  int group = 0;
  int64_t version = 0;
  std::vector<ModelPassage> passages;
};

// Random operations on the corpus and on a plain map, which must never differ.
class CorpusModelTest : public CorpusFixture, public ::testing::WithParamInterface<uint32_t> {
 protected:
  void PutRandom() {
    const std::string id = "d" + std::to_string(random_() % 30);
    ModelDocument document;
    document.group = static_cast<int>(random_() % 3);
    document.version = model_.count(id) > 0 ? model_[id].version + 1 : 1;
    DocumentWrite write =
        OnePassage(id, "", 0, "{\"group\":" + std::to_string(document.group) + "}");
    write.passages.clear();
    for (int i = static_cast<int>(random_() % 8); i > 0; --i) {
      const ModelPassage passage = {"word" + std::to_string(random_() % 10),
                                    static_cast<uint32_t>(random_()), random_() % 5 != 0};
      write.passages.push_back(TextPassage(passage.word + " all", passage.seed));
      if (!passage.has_vector) write.passages.back().vector.clear();
      document.passages.push_back(passage);
    }
    ASSERT_OK_AND_ASSIGN(const Document stored, corpus_->PutDocument(std::move(write)));
    EXPECT_EQ(stored.version, document.version);
    model_[id] = document;
  }

  void DeleteRandom() {
    const std::string id = "d" + std::to_string(random_() % 30);
    const auto deleted = corpus_->DeleteDocument("c", id);
    ASSERT_EQ(deleted.ok(), model_.count(id) > 0);
    if (deleted.ok()) {
      EXPECT_EQ(static_cast<size_t>(*deleted), model_[id].passages.size());
      model_.erase(id);
    }
  }

  // All (document, passage text) pairs the model has under a condition.
  template <typename Test>
  std::vector<std::string> Expected(const Test& test) {
    std::vector<std::string> out;
    for (const auto& [id, document] : model_) {
      for (const ModelPassage& passage : document.passages) {
        if (test(document, passage)) out.push_back(id + ":" + passage.word + " all");
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<std::string> Found(const SearchQuery& query) {
    const auto result = corpus_->Search(query);
    EXPECT_THAT(result, IsOk());
    std::vector<std::string> out;
    if (!result.ok()) return out;
    for (const Hit& hit : result->hits) {
      out.push_back(hit.passage.document_id + ":" + hit.passage.text);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  void Compare() {
    const int group = static_cast<int>(random_() % 3);
    const std::string filter = "group = " + std::to_string(group);
    const std::string word = "word" + std::to_string(random_() % 10);
    EXPECT_EQ(Found(TextQuery(word, 1000)),
              Expected([&](auto&, auto& passage) { return passage.word == word; }));
    SearchQuery text = TextQuery("all", 1000);
    text.filter = filter;
    EXPECT_EQ(Found(text),
              Expected([&](auto& document, auto&) { return document.group == group; }));
    EXPECT_EQ(Found(DenseQuery(UnitVector(random_()), 1000)),
              Expected([](auto&, auto& passage) { return passage.has_vector; }));
    SearchQuery dense = DenseQuery(UnitVector(random_()), 1000);
    dense.filter = filter;
    EXPECT_EQ(Found(dense), Expected([&](auto& document, auto& passage) {
                return document.group == group && passage.has_vector;
              }));
    ASSERT_OK_AND_ASSIGN(const auto page, corpus_->ListDocuments("c", "", 1000, ""));
    ASSERT_EQ(page.items.size(), model_.size());
    for (const Document& document : page.items) {
      ASSERT_EQ(model_.count(document.id), 1u);
      EXPECT_EQ(document.version, model_[document.id].version);
      EXPECT_EQ(static_cast<size_t>(document.passages), model_[document.id].passages.size());
    }
  }

  std::mt19937 random_;
  std::map<std::string, ModelDocument> model_;
};

TEST_P(CorpusModelTest, NeverDiffersFromAPlainMap) {
  random_.seed(GetParam());
  // Low limits, so that graphs, merges and compactions happen all the time.
  options_.exact_below = GetParam() % 2 == 0 ? 20 : 1'000'000;
  options_.head_limit = 10;
  options_.hnsw_links = 4;
  Reopen();
  for (int step = 0; step < 250 && !HasFailure(); ++step) {
    const uint32_t dice = random_() % 100;
    if (dice < 60) {
      PutRandom();
    } else if (dice < 85) {
      DeleteRandom();
    } else if (dice < 93) {
      Compare();
    } else if (dice < 95) {
      ASSERT_THAT(corpus_->Snapshot("c"), IsOk());
    } else if (dice < 97) {
      ASSERT_THAT(corpus_->Rebuild("c"), IsOk());
    } else {
      Reopen();
    }
  }
  Compare();
  ExpectSound();
}

INSTANTIATE_TEST_SUITE_P(Seeds, CorpusModelTest, ::testing::Values(1u, 2u, 3u, 4u));

}  // namespace
}  // namespace sightline::index
