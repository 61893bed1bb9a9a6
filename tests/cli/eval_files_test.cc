#include "cli/eval_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/status_matchers.h"

namespace sightline::cli {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;

TEST(EvalFilesTest, ADocumentStandsWhereItsBestHitStands) {
  v1::SearchResponse reply;
  for (const auto& [document, score] :
       std::vector<std::pair<std::string, float>>{{"a", 0.9f}, {"b", 0.5f}, {"a", 0.4f}}) {
    v1::Hit& hit = *reply.add_hits();
    hit.mutable_passage()->set_document_id(document);
    hit.set_score(score);
  }
  const auto ranked = RankedDocuments(reply.hits());
  EXPECT_THAT(IdsOf(ranked), ElementsAre("a", "b"));
  EXPECT_EQ(ranked[0].score, 0.9f);
}

TEST(EvalFilesTest, ScoresOfARunFallWhereHitsAreEqualOrOutOfOrder) {
  const std::vector<RankedDocument> ranked = {{"a", 0.5f}, {"b", 0.5f}, {"c", 0.75f}, {"d", 0.25f}};
  EXPECT_EQ(RunLines("q1", ranked, "dense"),
            "q1 Q0 a 1 0.5 dense\n"
            "q1 Q0 b 2 0.49999997 dense\n"
            "q1 Q0 c 3 0.49999994 dense\n"
            "q1 Q0 d 4 0.25 dense\n");
}

TEST(EvalFilesTest, IdsWithWhiteSpaceFitInNoRun) {
  EXPECT_THAT(CheckRunId("query", "q-1/中"), IsOk());
  for (const char* id : {"", "a b", "a\t"}) {
    EXPECT_THAT(CheckRunId("query", id), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(EvalFilesTest, ResultsAreTheMeansOfTheQueries) {
  const std::vector<ResultRow> rows = {
      {.subset = "dense",
       .scores = {{.recall_at_100 = 1, .ndcg_at_10 = 1}, {.recall_at_100 = 0, .ndcg_at_10 = 0.5}},
       .depth = 100},
      {.subset = "lexical", .scores = {}, .depth = 100},
      {.subset = "reranked", .scores = {{.mrr_at_10 = 0.25}}, .depth = 40}};
  const auto out = nlohmann::json::parse(MtebResults("shop", "abc", "dev", rows, 1.5));
  EXPECT_EQ(out["task_name"], "shop");
  EXPECT_EQ(out["dataset_revision"], "abc");
  EXPECT_EQ(out["evaluation_time"], 1.5);
  ASSERT_EQ(out["scores"]["dev"].size(), 2u);
  EXPECT_EQ(out["scores"]["dev"][0]["hf_subset"], "dense");
  EXPECT_EQ(out["scores"]["dev"][0]["main_score"], 0.75);
  EXPECT_EQ(out["scores"]["dev"][0]["recall_at_100"], 0.5);
  EXPECT_EQ(out["scores"]["dev"][1]["mrr_at_10"], 0.25);
  EXPECT_FALSE(out["scores"]["dev"][1].contains("recall_at_100"));
}

}  // namespace
}  // namespace sightline::cli
