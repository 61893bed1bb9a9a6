#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "index/date.h"
#include "index/text_analyzer.h"
#include "index/text_query.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using CorpusSearchTest = CorpusFixture;

float Dot(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

TEST_F(CorpusSearchTest, DenseHitsComeInOrderOfCosine) {
  for (int i = 0; i < 50; ++i) Put(OnePassage("d" + std::to_string(i), "", i));
  const std::vector<float> query = UnitVector(1000);
  std::vector<std::pair<float, std::string>> expected;
  for (int i = 0; i < 50; ++i)
    expected.emplace_back(-Dot(query, UnitVector(i)), "d" + std::to_string(i));
  std::sort(expected.begin(), expected.end());
  ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(DenseQuery(query, 5)));
  ASSERT_THAT(result.hits, SizeIs(5));
  EXPECT_TRUE(result.exact);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(result.hits[i].passage.document_id, expected[i].second);
    EXPECT_NEAR(result.hits[i].score, -expected[i].first, 1e-3);
    EXPECT_EQ(result.hits[i].dense, result.hits[i].score);
    EXPECT_FALSE(result.hits[i].lexical.has_value());
  }
}

TEST_F(CorpusSearchTest, HybridFusesByRankAndFillsBothScores) {
  Put(OnePassage("both", "zebra", 1));
  Put(OnePassage("text", "zebra zebra", 2));
  Put(OnePassage("near", "horse", 1));
  SearchQuery query = TextQuery("zebra");
  query.mode = FusionMode::kHybrid;
  query.vector = UnitVector(1);
  ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(query));
  ASSERT_THAT(result.hits, SizeIs(3));
  const Hit& first = result.hits[0];
  // Ranks: dense both, near, text; lexical text, both.
  EXPECT_EQ(first.passage.document_id, "both");
  EXPECT_NEAR(first.score, 1.0 / 61 + 1.0 / 62, 1e-6);
  EXPECT_NEAR(*first.dense, 1, 1e-3);
  EXPECT_GT(*first.lexical, 0);
  EXPECT_EQ(result.hits[1].passage.document_id, "text");
  EXPECT_NEAR(result.hits[1].score, 1.0 / 61 + 1.0 / 63, 1e-6);
  EXPECT_EQ(result.hits[2].passage.document_id, "near");
  EXPECT_FALSE(result.hits[2].lexical.has_value());
}

TEST_F(CorpusSearchTest, HybridByWeightsCompletesWhatOneListLacks) {
  Put(OnePassage("both", "zebra", 1));
  Put(OnePassage("text", "zebra zebra", 2));
  Put(OnePassage("near", "horse", 1));
  SearchQuery query = TextQuery("zebra");
  query.mode = FusionMode::kHybrid;
  query.vector = UnitVector(1);
  query.explain = true;
  query.dense_weight = 1;
  EXPECT_THAT(Find(query), ElementsAre("both", "near", "text"));
  query.dense_weight = 0;
  EXPECT_THAT(Find(query), ElementsAre("text", "both", "near"));
  // Lists of one each: of what is in one of them alone the other score is worked out.
  query.k = 1;
  query.candidates = 1;
  query.dense_weight = 0.5;
  ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(query));
  ASSERT_THAT(result.hits, SizeIs(1));
  const Hit& hit = result.hits[0];
  EXPECT_EQ(hit.passage.document_id, "both");
  EXPECT_EQ(hit.explanation->lexical_rank, 0);
  EXPECT_TRUE(hit.lexical.has_value());
  EXPECT_NEAR(hit.explanation->dense_part, 0.5, 1e-3);
  EXPECT_GT(hit.explanation->lexical_part, 0.1);
  EXPECT_LT(hit.explanation->lexical_part, 0.5);
  EXPECT_EQ(hit.score, hit.explanation->dense_part + hit.explanation->lexical_part);
  query.dense_weight = 1.5f;
  EXPECT_THAT(corpus_->Search(query),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dense_weight is 1.5")));
}

TEST_F(CorpusSearchTest, HybridOfOneStageHasThatStagesScore) {
  Put(OnePassage("a", "zebra", 1));
  SearchQuery query = TextQuery("zebra");
  query.mode = FusionMode::kHybrid;
  ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(query));
  ASSERT_THAT(result.hits, SizeIs(1));
  EXPECT_EQ(result.hits[0].score, result.hits[0].lexical);
}

TEST_F(CorpusSearchTest, EqualScoresComeInOrderOfPassage) {
  for (const char* id : {"z", "m", "a"}) Put(OnePassage(id, "same words", 1));
  EXPECT_THAT(Find(TextQuery("same")), ElementsAre("z", "m", "a"));
  EXPECT_THAT(Find(DenseQuery(UnitVector(1))), ElementsAre("z", "m", "a"));
}

TEST_F(CorpusSearchTest, LexicalOnlyPassagesAreFoundByTextAlone) {
  DocumentWrite write = OnePassage("a", "only words", 1);
  write.passages[0].vector.clear();
  Put(write);
  EXPECT_THAT(Find(TextQuery("words")), ElementsAre("a"));
  EXPECT_THAT(Find(DenseQuery(UnitVector(1))), IsEmpty());
}

TEST_F(CorpusSearchTest, RefusesQueriesItCannotAnswer) {
  Put(OnePassage("a", "x", 1));
  const auto refused = [](const char* what) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
  };
  for (const int k : {0, -1, 1001, std::numeric_limits<int>::max()}) {
    EXPECT_THAT(corpus_->Search(TextQuery("x", k)), refused("k is"));
  }
  SearchQuery query = TextQuery("x");
  query.candidates = std::numeric_limits<int>::max();
  EXPECT_THAT(corpus_->Search(query), refused("candidates"));
  EXPECT_THAT(corpus_->Search(TextQuery("")), refused("needs a text"));
  EXPECT_THAT(corpus_->Search(DenseQuery({})), refused("needs a vector"));
  EXPECT_THAT(corpus_->Search(DenseQuery(UnitVector(1, 4))), refused("4 values"));
  EXPECT_THAT(corpus_->Search(DenseQuery(std::vector<float>(kTestDimension, 0))),
              refused("length 0"));
  std::vector<float> bad = UnitVector(1);
  bad[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(corpus_->Search(DenseQuery(bad)), refused("not finite"));
  EXPECT_THAT(corpus_->Search(TextQuery(std::string(65 << 10, 'x'))), refused("at most"));
  EXPECT_THAT(corpus_->Search(TextQuery("\xff")), refused("UTF-8"));
  query = TextQuery("x");
  query.filter = "lang = ";
  EXPECT_THAT(corpus_->Search(query), refused("at byte 7"));
  query = TextQuery("x");
  query.collection = "other";
  EXPECT_THAT(corpus_->Search(query), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(CorpusSearchTest, StopsAtTheDeadline) {
  Put(OnePassage("a", "x", 1));
  for (SearchQuery query : {TextQuery("x"), DenseQuery(UnitVector(1))}) {
    query.deadline = absl::InfinitePast();
    EXPECT_THAT(corpus_->Search(query), StatusIs(absl::StatusCode::kDeadlineExceeded));
  }
}

TEST_F(CorpusSearchTest, FiltersByMetadataAndBuiltInFields) {
  DocumentWrite write = OnePassage("en", "common", 1, R"({"lang":"en","year":2023})");
  write.passages.push_back(TextPassage("common", 2));
  write.passages[1].passage.kind = PassageKind::kTable;
  write.passages[1].passage.page = 4;
  write.document.media_type = "application/pdf";
  Put(write);
  Put(OnePassage("zh", "common", 3, R"({"lang":"zh","year":2024})"));
  const auto matching = [&](const std::string& filter) {
    SearchQuery query = TextQuery("common");
    query.filter = filter;
    std::vector<std::string> dense_ids = Find([&] {
      SearchQuery dense = DenseQuery(UnitVector(1));
      dense.filter = filter;
      return dense;
    }());
    std::vector<std::string> ids = Find(query);
    std::sort(ids.begin(), ids.end());
    std::sort(dense_ids.begin(), dense_ids.end());
    EXPECT_EQ(ids, dense_ids) << filter;
    return ids;
  };
  EXPECT_THAT(matching("lang = \"zh\""), ElementsAre("zh"));
  EXPECT_THAT(matching("year >= 2023"), ElementsAre("en", "en", "zh"));
  EXPECT_THAT(matching("_kind = \"table\""), ElementsAre("en"));
  EXPECT_THAT(matching("NOT _kind = \"table\""), ElementsAre("en", "zh"));
  EXPECT_THAT(matching("_page = 4 OR lang = \"zh\""), ElementsAre("en", "zh"));
  EXPECT_THAT(matching("_document_id IN (\"zh\", \"other\")"), ElementsAre("zh"));
  EXPECT_THAT(matching("_source = \"file:///en\" AND _page = 0"), ElementsAre("en"));
  EXPECT_THAT(matching("_media_type = \"application/pdf\""), ElementsAre("en", "en"));
  EXPECT_THAT(matching("false"), IsEmpty());
}

// What BM25 should give, computed without any index.
class ReferenceBm25 {
 public:
  explicit ReferenceBm25(const TextAnalyzer& analyzer) : analyzer_(analyzer) {}
  void Add(const std::string& id, const std::string& text) { texts_[id] = *analyzer_.Terms(text); }
  void Remove(const std::string& id) { texts_.erase(id); }

  std::map<std::string, double> Scores(const std::string& query) const {
    double total = 0;
    double count = 0;
    for (const auto& [id, terms] : texts_) {
      total += static_cast<double>(terms.size());
      count += !terms.empty();
    }
    std::map<std::string, double> scores;
    std::vector<std::string> terms_wanted = *analyzer_.Terms(query);
    DropFunctionWords(query, false, terms_wanted);
    for (const std::string& term : terms_wanted) {
      double holding = 0;
      for (const auto& [id, terms] : texts_) holding += Times(terms, term) > 0;
      const double idf = std::log(1 + (count - holding + 0.5) / (holding + 0.5));
      for (const auto& [id, terms] : texts_) {
        const double tf = Times(terms, term);
        if (tf == 0) continue;
        const double length = static_cast<double>(terms.size());
        scores[id] += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / (total / count)));
      }
    }
    return scores;
  }

 private:
  static double Times(const std::vector<std::string>& terms, const std::string& term) {
    return static_cast<double>(std::count(terms.begin(), terms.end(), term));
  }
  const TextAnalyzer& analyzer_;
  std::map<std::string, std::vector<std::string>> texts_;
};

TEST_F(CorpusSearchTest, LexicalScoresAreBm25AlsoInChineseAndAfterChanges) {
  ASSERT_OK_AND_ASSIGN(const auto analyzer, TextAnalyzer::Create());
  ReferenceBm25 reference(*analyzer);
  const std::vector<std::string> words = {"the",  "whale", "Ship",   "sea",  "多模态", "检索系统",
                                          "图像", "文本",  "データ", "캡틴", "café",   "2023"};
  std::mt19937 random(7);
  const auto text = [&] {
    std::string out;
    for (int i = static_cast<int>(random() % 12); i >= 0; --i) {
      // Squaring makes the first words common and the last ones rare.
      const double u = static_cast<double>(random() % 1000) / 1000;
      out += words[static_cast<size_t>(u * u * static_cast<double>(words.size()))];
      if (random() % 2 == 0) out += " ";
    }
    return out;
  };
  for (int i = 0; i < 300; ++i) {
    const std::string id = "d" + std::to_string(random() % 90);
    if (random() % 4 == 0) {
      if (corpus_->DeleteDocument("c", id).ok()) reference.Remove(id);
    } else {
      const std::string body = random() % 10 == 0 ? "" : text();
      Put(OnePassage(id, body, i));
      reference.Add(id, body);
    }
    if (i % 60 == 59) Reopen();
  }
  for (const std::string& query :
       {std::string("whale"), std::string("THE the ship"), std::string("多模态检索"),
        std::string("图像 文本"), std::string("ﾃﾞｰﾀ"), std::string("CAFÉ 2023 sea"),
        std::string("absent")}) {
    ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(TextQuery(query, 1000)));
    std::map<std::string, double> got;
    for (const Hit& hit : result.hits) got[hit.passage.document_id] = hit.score;
    const std::map<std::string, double> expected = reference.Scores(query);
    ASSERT_EQ(got.size(), expected.size()) << query;
    for (const auto& [id, score] : expected) EXPECT_NEAR(got[id], score, 1e-4 * score) << query;
  }
  ExpectSound();
}

// Enough vectors, and limits low enough, for the graph to be built and used.
class CorpusGraphTest : public CorpusFixture {
 protected:
  static constexpr int kDocuments = 4000;

  void SetUp() override {
    options_.exact_below = 500;
    options_.head_limit = 200;
    options_.hnsw_links = 16;
    options_.hnsw_build_beam = 64;
    // So that a walk is worth it in the largest segment, which has more than half of the rows.
    options_.hnsw_search_beam = 20;
    CorpusFixture::SetUp();
    for (int start = 0; start < kDocuments; start += 200) {
      DocumentWrite write = OnePassage("d" + std::to_string(start / 200), "", start,
                                       R"({"part":)" + std::to_string(start / 200) + "}");
      for (int i = start + 1; i < start + 200; ++i) {
        write.passages.push_back(TextPassage("", i));
        write.passages.back().passage.page = i - start;
      }
      Put(std::move(write));
    }
    corpus_->WaitForUpkeep();
  }

  SearchQuery Query(uint32_t seed, int k) {
    SearchQuery query = DenseQuery(UnitVector(seed), k);
    query.candidates = k;
    return query;
  }
  std::set<uint64_t> Ids(const SearchResult& result) {
    std::set<uint64_t> ids;
    for (const Hit& hit : result.hits) ids.insert(hit.passage.id);
    return ids;
  }
};

TEST_F(CorpusGraphTest, FindsNearlyWhatAnExactSearchFindsAndSaysHowNearly) {
  std::vector<std::set<uint64_t>> found;
  for (int i = 0; i < 40; ++i) {
    ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(Query(100'000 + i, 10)));
    EXPECT_FALSE(result.exact);
    ASSERT_TRUE(result.recall.has_value());
    EXPECT_GT(*result.recall, 0.8);
    EXPECT_LE(*result.recall, 1.0);
    found.push_back(Ids(result));
  }
  options_.exact_below = 1'000'000;
  Reopen();
  int hits = 0;
  for (int i = 0; i < 40; ++i) {
    ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(Query(100'000 + i, 10)));
    EXPECT_TRUE(result.exact);
    for (const uint64_t id : Ids(result)) hits += static_cast<int>(found[i].count(id));
  }
  EXPECT_GE(hits, 360) << "of 400";
}

TEST_F(CorpusGraphTest, AFilterNeverLeavesFewerHitsThanThereAre) {
  for (const auto& [filter, matches] : std::map<std::string, int>{{"part = 3", 200},
                                                                  {"part = 3 AND _page = 7", 1},
                                                                  {"part >= 10", 2000},
                                                                  {"part != 0", 3800},
                                                                  {"_page < 100", 2000},
                                                                  {"_page IN (1, 2, 3)", 60},
                                                                  {"part = 99", 0}}) {
    for (const int k : {1, 10, 100, 1000}) {
      SearchQuery query = Query(5, k);
      query.filter = filter;
      ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(query));
      EXPECT_EQ(static_cast<int>(result.hits.size()), std::min(k, matches)) << filter;
    }
  }
}

TEST_F(CorpusGraphTest, DeletedAndNewVectorsAreRightAtOnceAndAfterTheMerge) {
  for (int part = 0; part < 20; part += 2) {
    ASSERT_THAT(corpus_->DeleteDocument("c", "d" + std::to_string(part)), IsOk());
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) {
      ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(Query(200'000 + i, 10)));
      ASSERT_THAT(result.hits, SizeIs(10));
      for (const Hit& hit : result.hits) {
        EXPECT_EQ(std::stoi(hit.passage.document_id.substr(1)) % 2, 1);
      }
    }
    Put(OnePassage("new", "", 555'555));
    ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(Query(555'555, 1)));
    ASSERT_THAT(DocumentsOf(result), ElementsAre("new"));
    ASSERT_THAT(corpus_->DeleteDocument("c", "new"), IsOk());
    if (round == 0) corpus_->WaitForUpkeep();
    if (round == 1) Reopen();
  }
  corpus_->WaitForUpkeep();
  ASSERT_OK_AND_ASSIGN(const auto stats, corpus_->Stats("c"));
  // Up to one row in ten may stay dead: a merge that began before the last document was deleted
  // leaves its 200.
  EXPECT_LE(10 * stats.tombstones, kDocuments / 2 + stats.tombstones);
  ExpectSound();
}

TEST_F(CorpusGraphTest, RebuildGivesTheSameAnswers) {
  ASSERT_OK_AND_ASSIGN(const SearchResult before, corpus_->Search(Query(9, 10)));
  ASSERT_OK_AND_ASSIGN(const int64_t vectors, corpus_->Rebuild("c"));
  EXPECT_EQ(vectors, kDocuments);
  ASSERT_OK_AND_ASSIGN(const SearchResult after, corpus_->Search(Query(9, 10)));
  EXPECT_EQ(DocumentsOf(before)[0], DocumentsOf(after)[0]);
  ExpectSound();
}

TEST_F(CorpusSearchTest, ATimeRangeIsOverTheDocumentsDates) {
  Put(OnePassage("day", "boat", 1, R"({"date":"2024-03-31"})"));
  Put(OnePassage("noon", "boat", 2, R"({"date":"2024-03-31T12:00:00Z"})"));
  Put(OnePassage("list", "boat", 3, R"({"date":["soon","2023-01-01"]})"));
  Put(OnePassage("none", "boat", 4));
  Put(OnePassage("number", "boat", 5, R"({"date":2024})"));
  const auto between = [&](const char* from, const char* to) {
    SearchQuery query = TextQuery("boat");
    if (*from != 0) query.time.from = ReadDate(from)->first;
    if (*to != 0) query.time.to = ReadDate(to)->last;
    auto found = Find(query);
    std::sort(found.begin(), found.end());
    return found;
  };
  EXPECT_THAT(between("", ""), ElementsAre("day", "list", "none", "noon", "number"));
  EXPECT_THAT(between("2024-03-31", "2024-03-31"), ElementsAre("day", "noon"));
  EXPECT_THAT(between("2024-03-31T00:00:01Z", ""), ElementsAre("noon"));
  EXPECT_THAT(between("", "2024-03-31T12:00:00Z"), ElementsAre("day", "list", "noon"));
  EXPECT_THAT(between("2024-04-01", ""), ElementsAre());
  Put(OnePassage("photo", "boat", 6, R"({"date":7,"taken":"2022-05-01T10:00:00"})"));
  Put(OnePassage("both", "boat", 7, R"({"date":"2022-05-02","taken":"2021-01-01T10:00:00"})"));
  Reopen();
  EXPECT_THAT(between("2023-01-01", "2023-12-31"), ElementsAre("list"));
  EXPECT_THAT(between("2022-05-01T10:00:00Z", "2022-05-01T10:00:00Z"), ElementsAre("photo"));
  EXPECT_THAT(between("2021-01-01", "2022-12-31"), ElementsAre("both", "photo"));
  SearchQuery both = TextQuery("boat");
  both.time.from = ReadDate("2024-01-01")->first;
  both.filter = "_document_id = \"noon\" OR _document_id = \"none\"";
  EXPECT_THAT(Find(both), ElementsAre("noon"));
}

TEST_F(CorpusSearchTest, WhatIsLeftOutIsNoHitAndUnknownIdsArePassedOver) {
  DocumentWrite two = OnePassage("two", "boat", 1);
  two.passages.push_back(TextPassage("boat", 2));
  Put(std::move(two));
  Put(OnePassage("one", "boat", 3));
  ASSERT_OK_AND_ASSIGN(const auto passages, corpus_->DocumentPassages("c", "two"));
  SearchQuery query = TextQuery("boat");
  query.without_passages = {passages[0].id, 77, passages[0].id + (uint64_t{9} << 32)};
  query.without_documents = {"nowhere"};
  EXPECT_THAT(Find(query), UnorderedElementsAre("two", "one"));
  query.without_documents = {"two"};
  EXPECT_THAT(Find(query), ElementsAre("one"));
  EXPECT_THAT(Find(TextQuery("boat")), UnorderedElementsAre("two", "two", "one"));
}

TEST_F(CorpusSearchTest, PerDocumentBoundsTheHitsOfOne) {
  DocumentWrite many = OnePassage("many", "boat boat", 1);
  for (uint32_t i = 2; i < 8; ++i) many.passages.push_back(TextPassage("boat boat", i));
  Put(std::move(many));
  Put(OnePassage("one", "a boat of another kind", 9));
  SearchQuery query = TextQuery("boat", 3);
  EXPECT_THAT(Find(query), ElementsAre("many", "many", "many"));
  query.per_document = 2;
  EXPECT_THAT(Find(query), ElementsAre("many", "many", "one"));
}

}  // namespace
}  // namespace sightline::index
