// `sightline eval` against a server that finds one and the same document whatever it is asked.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "tests/cli/fake_server.h"
#include "tests/cli/run_program.h"

namespace sightline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EvalProgramTest : public ::testing::Test {
 protected:
  ProgramResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "eval");
    arguments.insert(arguments.end(), {"--server", server_.address()});
    return work_.Run(arguments);
  }

  void WriteDataset() {
    work_.Write("set/corpus.jsonl",
                "{\"_id\":\"d1\",\"title\":\"Keys\",\"text\":\"Turn the key.\"}\n"
                "{\"_id\":\"d2\",\"image\":\"a.png\",\"text\":\"a door\"}\n");
    work_.Write("set/queries.jsonl",
                "{\"_id\":\"q1\",\"text\":\"how?\",\"answer\":\"the KEY\"}\n"
                "{\"_id\":\"q2\",\"image\":\"a.png\"}\n");
    work_.Write("set/qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n");
    work_.Write("set/a.png", "pixels");
  }

  FakeServer server_{"127.0.0.1:0"};
  Workplace work_;
};

TEST_F(EvalProgramTest, ALogThatCannotBeWrittenIsRefusedFirst) {
  const ProgramResult result =
      Run({"--dataset", "demo-world:5", "--items", "6", "--log", work_.path("none/log.jsonl")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("none/log.jsonl"));
  EXPECT_TRUE(server_.ingest.stored().empty());
}

TEST_F(EvalProgramTest, AWorldIsIngestedAskedAndTakenAway) {
  const ProgramResult result =
      Run({"--dataset", "demo-world:5", "--items", "6", "--pages", "2", "--texts", "2", "--queries",
           "2", "--json", "--log", work_.path("log.jsonl")});
  EXPECT_EQ(result.code, 0) << result.err;
  const auto log = ReadFile(work_.path("log.jsonl"));
  ASSERT_TRUE(log.ok()) << log.status();
  const std::vector<std::string> lines = absl::StrSplit(*log, '\n', absl::SkipEmpty());
  ASSERT_GT(lines.size(), 16);  // two of each kind of search, then the claims
  EXPECT_EQ(static_cast<int>(lines.size()) - 16, server_.query.claims());
  EXPECT_EQ(nlohmann::json::parse(lines.back())["task"], "verdict");
  const auto record = nlohmann::json::parse(lines.front());
  EXPECT_EQ(record["task"], "photo_to_item");
  EXPECT_EQ(record["right_documents"].size(), 1);
  EXPECT_EQ(record["found"].size(), 1);
  const auto report = nlohmann::ordered_json::parse(result.out);
  EXPECT_EQ(report.begin().key(), "photo_recall_at_1");
  EXPECT_EQ(report["photo_recall_at_1"], 0.0);
  EXPECT_TRUE(report["answer_exact"].is_null());  // this server has an encoder only
  EXPECT_EQ(report["verdict_true_flagged"], 1.0);
  EXPECT_EQ(report["details"]["tasks"]["verdict"]["questions"], server_.query.claims());
  EXPECT_EQ(report["details"]["latency_ms"]["check_claims"]["calls"], 6);  // of each kind of source
  EXPECT_EQ(report["details"]["world_seed"], 1'000'000'000'005);
  EXPECT_EQ(report["details"]["latency_ms"]["search"]["calls"], 16);
  // Conversations are searched as for an answer: three tasks, two questions each.
  EXPECT_EQ(server_.query.searches(v1::SEARCH_MODE_HYBRID), 6);
  EXPECT_EQ(server_.query.searches(v1::SEARCH_MODE_DENSE), 10);
  int photos = 0;
  for (const auto& [source, stored] : server_.ingest.stored()) {
    photos += stored.header.document_id().starts_with("photo-");
  }
  EXPECT_EQ(photos, 6);
  EXPECT_THAT(server_.collections.deleted(), ElementsAre("demo-world-1000000000005-6-2-2"));
}

TEST_F(EvalProgramTest, ADatasetFolderIsSearchedInEveryModeAndAsked) {
  WriteDataset();
  const ProgramResult result = Run({"--dataset", "set", "--json", "--keep"});
  EXPECT_EQ(result.code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["dense"]["queries"], 2);
  EXPECT_EQ(report["dense"]["recall_at_1"], 0.5);
  EXPECT_EQ(report["dense"]["ndcg_at_10"], 0.5);
  EXPECT_EQ(report["lexical"]["queries"], 1);  // a picture has no words
  EXPECT_EQ(report["lexical"]["mrr_at_10"], 1.0);
  EXPECT_EQ(report["hybrid"]["recall_at_100"], 0.5);
  EXPECT_TRUE(report["reranked"].is_null());
  EXPECT_EQ(report["answers"]["answer_accuracy"], 1.0);
  EXPECT_EQ(report["answers"]["answer_exact"], 0.0);
  EXPECT_EQ(report["answers"]["citation_precision"], 1.0);
  EXPECT_EQ(report["answers"]["citation_recall"], 1.0);
  EXPECT_TRUE(report["answers"]["abstain_recall"].is_null());
  EXPECT_THAT(server_.collections.deleted(), ElementsAre());
  int captions = 0;
  for (const auto& [source, stored] : server_.ingest.stored()) {
    captions += stored.header.metadata().fields().contains("caption");
    if (stored.header.document_id() == "d1") {
      EXPECT_EQ(stored.bytes, "Keys\n\nTurn the key.");
    }
  }
  EXPECT_EQ(captions, 1);
}

TEST_F(EvalProgramTest, RunsAndResultsAreWritten) {
  WriteDataset();
  const ProgramResult result = Run(
      {"--dataset", "set", "--run", work_.path("found.run"), "--results", work_.path("r.json")});
  EXPECT_EQ(result.code, 0) << result.err;
  const auto dense = ReadFile(work_.path("found.run.dense"));
  ASSERT_TRUE(dense.ok()) << dense.status();
  const std::vector<std::string> lines = absl::StrSplit(*dense, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], ::testing::StartsWith("q1 Q0 d1 1 "));
  EXPECT_THAT(lines[1], ::testing::EndsWith(" dense"));
  EXPECT_TRUE(ReadFile(work_.path("found.run.hybrid")).ok());
  EXPECT_FALSE(ReadFile(work_.path("found.run.reranked")).ok());  // no reranker here
  const auto results = nlohmann::json::parse(ReadFile(work_.path("r.json")).value_or(""));
  EXPECT_EQ(results["task_name"], "set");
  EXPECT_EQ(results["scores"]["test"].size(), 3u);
  EXPECT_EQ(results["scores"]["test"][0]["ndcg_at_10"], 0.5);
}

TEST_F(EvalProgramTest, WhatARunCannotHoldIsRefusedFirst) {
  WriteDataset();
  work_.Write("set/queries.jsonl", "{\"_id\":\"q 1\",\"text\":\"how?\"}\n");
  work_.Write("set/qrels.tsv", "q 1\td1\t1\n");
  const ProgramResult result = Run({"--dataset", "set", "--run", work_.path("x")});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("query \"q 1\""));
  EXPECT_TRUE(server_.ingest.stored().empty());
}

TEST_F(EvalProgramTest, PicturesInTheLinesAreSent) {
  WriteDataset();
  work_.Write("set/corpus.jsonl",
              "{\"_id\":\"d1\",\"text\":\"x\"}\n"
              "{\"_id\":\"d2\",\"image\":{\"bytes\":\"cGl4ZWxz\"}}\n");
  const ProgramResult result = Run({"--dataset", "set"});
  EXPECT_EQ(result.code, 0) << result.err;
  int sent = 0;
  for (const auto& [source, stored] : server_.ingest.stored()) {
    sent += stored.header.document_id() == "d2" && stored.bytes == "pixels";
  }
  EXPECT_EQ(sent, 1);
}

TEST_F(EvalProgramTest, AnExportedShopIsADataset) {
  const std::vector<std::string> shop = {
      "eval",    "--dataset", "demo-world:5", "--items", "6",        "--pages", "2",
      "--texts", "2",         "--queries",    "2",       "--export", "shop"};
  const ProgramResult result = work_.Run(shop);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("10 documents"));
  const auto corpus = ReadFile(work_.path("shop/corpus.jsonl"));
  ASSERT_TRUE(corpus.ok()) << corpus.status();
  EXPECT_THAT(*corpus, HasSubstr("{\"_id\":\"photo-0001\",\"image\":\"images/photo-0001.png\"}"));
  const ProgramResult measured = Run({"--dataset", "shop", "--json", "--queries", "4"});
  EXPECT_EQ(measured.code, 0) << measured.err;
  EXPECT_EQ(nlohmann::json::parse(measured.out)["details"]["documents"], 10);

  const ProgramResult again = work_.Run(shop);
  EXPECT_NE(again.code, 0);
  EXPECT_THAT(again.err, HasSubstr("shop: is not empty"));
  const ProgramResult with_server = Run({"--dataset", "demo-world:5", "--export", "other"});
  EXPECT_EQ(with_server.code, 2);
  const ProgramResult of_folder = work_.Run({"eval", "--dataset", "shop", "--export", "other"});
  EXPECT_EQ(of_folder.code, 2);
  EXPECT_EQ(work_.Run({"eval", "--dataset", "demo-world:5", "--split", "dev"}).code, 2);
}

TEST_F(EvalProgramTest, TheTableShowsTheSame) {
  WriteDataset();
  const ProgramResult result = Run({"--dataset", "set", "--queries", "1"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("ndcg_at_10"));
  EXPECT_THAT(result.out, HasSubstr("answer_accuracy"));
  EXPECT_THAT(result.out, HasSubstr("p99 ms"));
}

TEST_F(EvalProgramTest, ADocumentThatFailsEndsIt) {
  WriteDataset();
  work_.Write("set/fail.png", "pixels");
  work_.Write("set/corpus.jsonl",
              "{\"_id\":\"d1\",\"text\":\"x\"}\n{\"_id\":\"d2\",\"image\":\"fail.png\"}\n");
  const ProgramResult result = Run({"--dataset", "set"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("document d2: bad_pdf"));
}

TEST_F(EvalProgramTest, AWrongLineIsNamed) {
  WriteDataset();
  work_.Write("set/qrels.tsv", "q1\td7\t1\n");
  const ProgramResult result = Run({"--dataset", "set"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("set/qrels.tsv:1: no document d7"));
  EXPECT_EQ(result.out, "");
}

TEST_F(EvalProgramTest, CtrlCEndsItAndTakesTheCollectionAway) {
  WriteDataset();
  work_.Write("set/queries.jsonl", "{\"_id\":\"q1\",\"text\":\"slow\"}\n");
  work_.Write("set/qrels.tsv", "q1\td1\t1\n");
  const auto process = work_.Start({"eval", "--dataset", "set", "--server", server_.address()});
  while (server_.query.last().collection().empty()) absl::SleepFor(absl::Milliseconds(5));
  ASSERT_TRUE(process->Signal(SIGINT).ok());
  const ProgramResult result = work_.Wait(*process);
  EXPECT_EQ(result.code, 130);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(server_.collections.deleted().size(), 1u);
}

}  // namespace
}  // namespace sightline::testing
