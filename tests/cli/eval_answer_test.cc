#include "cli/eval_answer.h"

#include <gtest/gtest.h>

namespace sightline::cli {
namespace {

// An answer whose sentences start at `starts` and cite these documents.
v1::AnswerResponse Answer(const std::vector<std::pair<int, std::string>>& cited) {
  v1::AnswerResponse out;
  for (const auto& [start, document] : cited) {
    v1::Citation& citation = *out.add_citations();
    citation.set_start(start);
    citation.mutable_hit()->mutable_passage()->set_document_id(document);
  }
  return out;
}

void ExpectCounts(const CitationCount& count, int citations, int right, int pairs, int cited) {
  EXPECT_EQ(count.citations, citations);
  EXPECT_EQ(count.right, right);
  EXPECT_EQ(count.pairs, pairs);
  EXPECT_EQ(count.cited, cited);
}

TEST(PlainAnswerTest, MarkersGoWithTheBlanksBeforeThem) {
  EXPECT_EQ(PlainAnswer("The Lumo mug costs 32.50 [1]. It is red [2][13]."),
            "The Lumo mug costs 32.50. It is red.");
  EXPECT_EQ(PlainAnswer("It costs 5. [1] It is red.[2]"), "It costs 5. It is red.");
  EXPECT_EQ(PlainAnswer("价格是32.50[1]。"), "价格是32.50。");
}

TEST(PlainAnswerTest, WhiteSpaceIsOneBlankAndOtherBracketsStay) {
  EXPECT_EQ(PlainAnswer("  a \n\t b [x] [] [1 c[2"), "a b [x] [] [1 c[2");
  EXPECT_EQ(PlainAnswer(" [1] "), "");
}

TEST(NamesTest, WholeWordsCountWhateverTheCase) {
  EXPECT_TRUE(Names("It costs 12 in Paris.", "paris"));
  EXPECT_TRUE(Names("价格是12元。", "12"));
  EXPECT_FALSE(Names("Founded in 2012.", "12"));
  EXPECT_TRUE(Names("Founded in 2012, or 12.", "12"));
  EXPECT_FALSE(Names("anything", ""));
}

TEST(CountCitationsTest, SentencesAreMatchedByOrder) {
  const GoldCitations gold = {{"a"}, {"b", "c"}};
  ExpectCounts(CountCitations(Answer({{0, "a"}, {20, "b"}, {20, "c"}}), gold), 3, 3, 3, 3);
  // The right documents, but each at the other sentence.
  ExpectCounts(CountCitations(Answer({{0, "b"}, {20, "a"}}), gold), 2, 0, 3, 0);
  ExpectCounts(CountCitations(Answer({{0, "a"}, {20, "x"}}), gold), 2, 1, 3, 1);
}

TEST(CountCitationsTest, ADifferentNumberOfSentencesCountsForTheWhole) {
  const GoldCitations gold = {{"a"}, {"b"}};
  ExpectCounts(CountCitations(Answer({{0, "b"}}), gold), 1, 1, 2, 1);
  ExpectCounts(CountCitations(Answer({{0, "a"}, {9, "x"}, {30, "a"}}), gold), 3, 2, 2, 1);
  ExpectCounts(CountCitations(Answer({}), gold), 0, 0, 2, 0);
  ExpectCounts(CountCitations(Answer({{0, "a"}}), {}), 1, 0, 0, 0);
}

}  // namespace
}  // namespace sightline::cli
