// `sightline bench` against a server that answers at once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/fake_server.h"
#include "tests/cli/run_program.h"

namespace sightline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BenchProgramTest : public ::testing::Test {
 protected:
  ProgramResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "bench");
    arguments.insert(arguments.end(), {"--server", server_.address(), "--json"});
    return work_.Run(arguments);
  }

  FakeServer server_{"127.0.0.1:0"};
  Workplace work_;
};

TEST_F(BenchProgramTest, SearchesAreCountedAndTheirTimesSplit) {
  const ProgramResult result = Run({"search", "how?", "-c", "c", "--seconds", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["bench"], "search");
  EXPECT_EQ(report["documents"], 7);
  EXPECT_GT(report["calls"], 0);
  EXPECT_GE(report["seconds"], 1.0);
  EXPECT_NEAR(report["calls_per_second"].get<double>(),
              report["calls"].get<double>() / report["seconds"].get<double>(),
              report["calls_per_second"].get<double>() * 0.01);
  EXPECT_EQ(report["latency_ms"]["search"]["calls"], report["calls"]);
  EXPECT_EQ(report["latency_ms"]["search"]["stages"]["total"]["p50"], 12.5);
  EXPECT_TRUE(server_.query.last().no_cache());
}

TEST_F(BenchProgramTest, QueriesComeFromAFile) {
  work_.Write("queries.txt", "one\n\n two \n");
  const ProgramResult result =
      Run({"search", "-c", "c", "--seconds", "1", "--queries", "queries.txt"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["queries"], 2);
  work_.Write("queries.txt", "\n \n");
  EXPECT_EQ(Run({"search", "-c", "c", "--queries", "queries.txt"}).code, 2);
}

TEST_F(BenchProgramTest, OrFromTheCollectionsOwnPassages) {
  const ProgramResult none = Run({"search", "-c", "c", "--seconds", "1"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.out + none.err, HasSubstr("--queries"));
  work_.Write("a.txt", "a");
  ASSERT_EQ(work_.Run({"ingest", "a.txt", "-c", "c", "--server", server_.address()}).code, 0);
  const ProgramResult result = Run({"search", "-c", "c", "--seconds", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_GT(nlohmann::json::parse(result.out)["queries"], 0);
}

TEST_F(BenchProgramTest, AnswersAndTheirTokensAreCounted) {
  const ProgramResult result = Run({"answer", "how?", "-c", "c", "--seconds", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["abstained"], 0);
  EXPECT_EQ(report["completion_tokens"], 0);
  EXPECT_EQ(report["latency_ms"]["answer"]["calls"], report["calls"]);
}

TEST_F(BenchProgramTest, WhatIsIngestedIsDeletedAgain) {
  work_.Write("in/a.txt", "a");
  work_.Write("in/fail.txt", "b");
  const ProgramResult result = Run({"ingest", "in"});
  EXPECT_EQ(result.code, 3) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["documents"], 1);
  EXPECT_EQ(report["failed"], 1);
  EXPECT_THAT(server_.collections.deleted(), ElementsAre(StartsWith("bench-")));
  work_.Write("empty/sub/a.txt", "a");
  EXPECT_EQ(Run({"ingest", "empty"}).code, 2);
}

TEST_F(BenchProgramTest, AFailureIsAFailureNotAFigure) {
  const ProgramResult result = Run({"search", "how?", "-c", "missing", "--seconds", "1"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(nlohmann::json::parse(result.out + result.err)["error"]["code"], "not_found")
      << result.out << result.err;
}

}  // namespace
}  // namespace sightline::testing
