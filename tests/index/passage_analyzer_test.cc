#include "index/passage_analyzer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TermCounts Count(const FieldWeights& weights) {
  const auto analyzer = PassageAnalyzer::Create(weights);
  EXPECT_THAT(analyzer, IsOk());
  Passage passage;
  passage.heading = "Old boats";
  passage.text = "An old boat.";
  auto counts = (*analyzer)->Count(passage);
  EXPECT_THAT(counts, IsOk());
  return *std::move(counts);
}

TEST(PassageAnalyzerTest, AWordCountsAsOftenAsItsFieldWeighs) {
  EXPECT_THAT(Count({}),
              ElementsAre(Pair("an", 1), Pair("boat", 1), Pair("boats", 1), Pair("old", 2)));
  EXPECT_THAT(Count({.heading = 3, .text = 2}),
              ElementsAre(Pair("an", 2), Pair("boat", 2), Pair("boats", 3), Pair("old", 5)));
  EXPECT_THAT(Count({.heading = 0, .text = 1}),
              ElementsAre(Pair("an", 1), Pair("boat", 1), Pair("old", 1)));
  EXPECT_THAT(Count({.heading = 1, .text = 0}), ElementsAre(Pair("boats", 1), Pair("old", 1)));
}

TEST(PassageAnalyzerTest, WeightsOutOfRangeAreRefused) {
  for (const FieldWeights& weights :
       {FieldWeights{-1, 1}, FieldWeights{1, 11}, FieldWeights{0, 0}}) {
    EXPECT_THAT(PassageAnalyzer::Create(weights),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("weights of headings")));
  }
}

TEST(PassageAnalyzerTest, ItsVersionNamesWeightsThatAreNotTheDefault) {
  const std::string plain = (*PassageAnalyzer::Create())->version();
  EXPECT_EQ(plain, (*TextAnalyzer::Create())->version());
  EXPECT_EQ((*PassageAnalyzer::Create({.heading = 2, .text = 1}))->version(),
            plain + ", headings 2, texts 1");
}

// Documents whose heading or text holds the word.
class FieldWeightsTest : public CorpusFixture {
 protected:
  void PutBoth() {
    DocumentWrite heading = OnePassage("heading", "they go far out", 1);
    heading.passages[0].passage.heading = "boats";
    Put(std::move(heading));
    DocumentWrite text = OnePassage("text", "they see boats", 2);
    text.passages[0].passage.heading = "far out";
    Put(std::move(text));
  }
};

TEST_F(FieldWeightsTest, HeadingsComeFirstWhereTheyWeighMore) {
  PutBoth();
  const auto plain = corpus_->Search(TextQuery("boats"));
  ASSERT_THAT(plain, IsOk());
  EXPECT_EQ(plain->hits[0].score, plain->hits[1].score) << "a heading is a part of the text";
  options_.field_weights = {.heading = 4, .text = 1};
  Reopen();
  EXPECT_THAT(Find(TextQuery("boats")), ElementsAre("heading", "text"));
  ExpectSound();
  options_.field_weights = {.heading = 1, .text = 4};
  Reopen();
  EXPECT_THAT(Find(TextQuery("boats")), ElementsAre("text", "heading"));
  ExpectSound();
}

TEST_F(FieldWeightsTest, WhatIsWrittenDeletedAndFoundGoesByTheWeightsOfTheDay) {
  options_.field_weights = {.heading = 0, .text = 2};
  Reopen();
  PutBoth();
  EXPECT_THAT(Find(TextQuery("boats")), ElementsAre("text"));
  ExpectSound();
  ASSERT_THAT(corpus_->DeleteDocument("c", "text"), IsOk());
  EXPECT_THAT(Find(TextQuery("boats")), IsEmpty());
  ExpectSound();
  options_.field_weights = {};
  Reopen();
  EXPECT_THAT(Find(TextQuery("boats")), ElementsAre("heading"));
  ExpectSound();
}

}  // namespace
}  // namespace sightline::index
