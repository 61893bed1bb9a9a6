#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "index/text_analyzer.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

SearchQuery Syntax(const std::string& text, int k = 10) {
  SearchQuery query = TextQuery(text, k);
  query.text_syntax = true;
  return query;
}

// Phrases and prefixes.
class CorpusWordsTest : public CorpusFixture {};

TEST_F(CorpusWordsTest, APhraseIsWhatStandsNextToEachOtherInOrder) {
  Put(OnePassage("phrase", "They saw an old boat.", 1));
  Put(OnePassage("marks", "An OLD, boat", 2));
  Put(OnePassage("turned", "The boat is old", 3));
  Put(OnePassage("apart", "old red boat", 4));
  Put(OnePassage("half", "an old house", 5));
  EXPECT_THAT(Find(Syntax("\"old boat\"")), UnorderedElementsAre("phrase", "marks"));
  EXPECT_THAT(Find(Syntax("\"old boat\" saw")), ElementsAre("phrase", "marks"));
  EXPECT_THAT(Find(Syntax("\"old boat\" \"saw an\"")), ElementsAre("phrase"));
  EXPECT_THAT(Find(Syntax("\"boat old\"")), IsEmpty());
  EXPECT_THAT(Find(Syntax("\"?!\"")), IsEmpty()) << "no word stands nowhere";
  EXPECT_THAT(Find(Syntax("\"old boat")), SizeIs(5));
  EXPECT_THAT(Find(TextQuery("\"old boat\"")), SizeIs(5)) << "marks are plain text unless asked";
}

TEST_F(CorpusWordsTest, CountsThePassagesThatHoldAWord) {
  for (uint32_t i = 0; i < 70; ++i) {
    Put(OnePassage("d" + std::to_string(i), i % 7 == 0 ? "Old boat 旧船" : "an OLD house", i));
  }
  const auto count = [&](const std::vector<std::string>& words, int64_t most) {
    return corpus_->CountWords("c", words, most, absl::InfiniteFuture()).value();
  };
  const std::vector<std::string> words = {"boat", "Old", "house", "old boat", "旧船", "ship", "?"};
  EXPECT_EQ(count(words, 1000).texts, 70);
  EXPECT_THAT(count(words, 1000).holding, ElementsAre(10, 70, 60, 10, 10, 0, 0));
  EXPECT_GT(count({"old"}, 50).holding[0], 50) << "more than asked for is all that is told";
  EXPECT_THAT(corpus_->DeleteDocument("c", "d7"), IsOk());
  EXPECT_THAT(count({"boat", "old"}, 1000).holding, ElementsAre(9, 69));
  EXPECT_THAT(corpus_->CountWords("x", words, 9, absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(corpus_->CountWords("c", words, 9, absl::InfinitePast()),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(CorpusWordsTest, PhrasesOfAnyMarksAreThoseOfTheWordsInARow) {
  const std::vector<std::string> pieces = {"old", "Boat",   "OLD-boat", "boat's", "old_boat", "3.5",
                                           "3",   "5",      "e.g.",     "-",      "(old)",    "x",
                                           "é",   "ＯＬＤ", "boat/old", "'old",   "o ld",     "@"};
  std::mt19937 random(5);
  const auto text = [&](int most) {
    std::string out;
    for (int i = 1 + static_cast<int>(random() % most); i > 0; --i) {
      out += pieces[random() % pieces.size()] + (random() % 4 == 0 ? ", " : " ");
    }
    return out;
  };
  const auto analyzer = TextAnalyzer::Create();
  ASSERT_THAT(analyzer, IsOk());
  std::map<std::string, std::vector<std::string>> units;
  for (uint32_t i = 0; i < 300; ++i) {
    const std::string id = "d" + std::to_string(i);
    const std::string words = text(12);
    Put(OnePassage(id, words, i));
    units[id] = *(*analyzer)->PhraseUnits(words);
  }
  int found = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string phrase = text(3);
    const auto wanted = (*analyzer)->PhraseUnits(phrase);
    ASSERT_THAT(wanted, IsOk());
    std::vector<std::string> expected;
    for (const auto& [id, words] : units) {
      const bool holds =
          !wanted->empty() &&
          std::search(words.begin(), words.end(), wanted->begin(), wanted->end()) != words.end();
      if (holds) expected.push_back(id);
    }
    EXPECT_THAT(Find(Syntax("\"" + phrase + "\"", 1000)), UnorderedElementsAreArray(expected))
        << phrase;
    found += static_cast<int>(expected.size());
  }
  EXPECT_GT(found, 1000);
}

TEST_F(CorpusWordsTest, APhraseDoesNotGoOnFromHeadingToText) {
  DocumentWrite write = OnePassage("both", "boat trips", 1);
  write.passages[0].passage.heading = "The old";
  Put(std::move(write));
  DocumentWrite inside = OnePassage("heading", "trips", 2);
  inside.passages[0].passage.heading = "The old boat";
  Put(std::move(inside));
  EXPECT_THAT(Find(Syntax("\"old boat\"")), ElementsAre("heading"));
}

TEST_F(CorpusWordsTest, AChinesePhraseIsFoundWhereverADictionaryCuts) {
  Put(OnePassage("inside", "我们的多模态检索系统很快", 1));
  Put(OnePassage("turned", "系统检索模态", 2));
  Put(OnePassage("apart", "检索与系统", 3));
  Put(OnePassage("single", "一只小猫", 4));
  EXPECT_THAT(Find(Syntax("\"检索系统\"")), ElementsAre("inside"));
  EXPECT_THAT(Find(Syntax("\"态检索系\"")), ElementsAre("inside"));
  EXPECT_THAT(Find(Syntax("\"Ａ 检索系统\"")), IsEmpty());
  SearchQuery query = Syntax("\"猫\"");
  query.mode = FusionMode::kHybrid;
  query.vector = UnitVector(1);
  EXPECT_THAT(Find(query), ElementsAre("single"));
}

TEST_F(CorpusWordsTest, APhraseRestrictsAHybridSearchAndNoDenseOne) {
  Put(OnePassage("phrase", "an old boat", 1));
  Put(OnePassage("near", "the boat is old", 2));
  Put(OnePassage("wordless", "", 3));
  SearchQuery query = Syntax("\"old boat\"");
  query.vector = UnitVector(2);
  query.mode = FusionMode::kHybrid;
  EXPECT_THAT(Find(query), ElementsAre("phrase"));
  query.filter = "_document_id = \"near\"";
  EXPECT_THAT(Find(query), IsEmpty());
  query.filter.clear();
  query.mode = FusionMode::kDense;
  EXPECT_THAT(Find(query), SizeIs(3));
}

TEST_F(CorpusWordsTest, OfManyPassagesWithAPhrasesWordsTheBestAreRead) {
  DocumentWrite many = OnePassage("many", "old boat", 1);
  many.passages.clear();
  for (int i = 0; i <= kMaxPhrasePassages; ++i) {
    many.passages.emplace_back().passage.text = i == 7 ? "an old boat" : "boat old";
  }
  Put(std::move(many));
  Put(OnePassage("best", "old boat, old boat", 2));
  ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(Syntax("\"old boat\"")));
  EXPECT_TRUE(result.phrases_cut);
  EXPECT_THAT(DocumentsOf(result), ElementsAre("best"));
  ASSERT_OK_AND_ASSIGN(const SearchResult few, corpus_->Search(Syntax("\"old boat\" an")));
  EXPECT_TRUE(few.phrases_cut);
  EXPECT_THAT(DocumentsOf(few), UnorderedElementsAre("many", "best"));
  SearchQuery filtered = Syntax("\"old boat\"");
  filtered.filter = "_document_id = \"best\"";
  ASSERT_OK_AND_ASSIGN(const SearchResult one, corpus_->Search(filtered));
  EXPECT_FALSE(one.phrases_cut);
}

TEST_F(CorpusWordsTest, APrefixIsScoredAsOneWordThatStandsWhereAnyOfItsWordsDoes) {
  const std::map<std::string, std::string> texts = {
      {"a", "lumin lamp"}, {"b", "luminous luminous"}, {"c", "LUMINANCE of a lamp"},
      {"d", "lumi lamp"},  {"e", "illuminate"},        {"f", "luminous luminance lumin"}};
  uint32_t seed = 0;
  for (const auto& [id, text] : texts) Put(OnePassage(id, text, ++seed));
  EXPECT_THAT(Find(Syntax("lumin*")), UnorderedElementsAre("a", "b", "c", "f"));
  EXPECT_THAT(Find(Syntax("LUMINA*")), UnorderedElementsAre("c", "f"));
  EXPECT_THAT(Find(Syntax("nothing*")), IsEmpty());
  EXPECT_THAT(Find(TextQuery("lumin*")), UnorderedElementsAre("a", "f")) << "plain text";
  // A corpus where one word stands for all of them gives the same scores.
  ASSERT_OK_AND_ASSIGN(const SearchResult blended, corpus_->Search(Syntax("lumin* lamp")));
  seed = 0;
  for (const auto& [id, text] : std::map<std::string, std::string>{
           {"a", "one lamp"}, {"b", "one one"}, {"c", "one of a lamp"}, {"f", "one one one"}}) {
    Put(OnePassage(id, text, ++seed));
  }
  ASSERT_OK_AND_ASSIGN(const SearchResult single, corpus_->Search(TextQuery("one lamp")));
  ASSERT_EQ(DocumentsOf(blended), DocumentsOf(single));
  for (size_t i = 0; i < single.hits.size(); ++i) {
    EXPECT_FLOAT_EQ(blended.hits[i].score, single.hits[i].score);
  }
}

TEST_F(CorpusWordsTest, APrefixStandsForItsMostFrequentWords) {
  DocumentWrite write = OnePassage("rare", "", 1);
  write.passages.clear();
  for (int i = 0; i < 100; ++i) {
    write.passages.emplace_back().passage.text = absl::StrCat("word", 100 + i);
  }
  Put(std::move(write));
  Put(OnePassage("often", "wordlong", 2));
  Put(OnePassage("oftener", "wordlong", 3));
  ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(Syntax("word*", 200)));
  EXPECT_THAT(result.hits, SizeIs(65)) << "63 of the hundred, and the one in two passages";
  ASSERT_OK_AND_ASSIGN(const SearchResult one, corpus_->Search(Syntax("wordl*", 200)));
  EXPECT_THAT(DocumentsOf(one), UnorderedElementsAre("often", "oftener"));
}

TEST_F(CorpusWordsTest, TheReasonOfAHitNamesThePrefixsWords) {
  Put(OnePassage("a", "luminous boats", 1));
  Put(OnePassage("b", "luminance", 2));
  SearchQuery query = Syntax("lumin* boats");
  query.explain = true;
  ASSERT_OK_AND_ASSIGN(const SearchResult result, corpus_->Search(query));
  ASSERT_THAT(result.hits, SizeIs(2));
  EXPECT_THAT(result.hits[0].explanation->matched_terms, ElementsAre("boats", "luminous"));
}

}  // namespace
}  // namespace sightline::index
