// The sightline program against a server that answers what it is told: usage, exit codes, output.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "proto/reply_json.h"
#include "tests/cli/fake_server.h"
#include "tests/cli/run_program.h"

namespace sightline::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class ProgramTest : public ::testing::Test {
 protected:
  ProgramResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--server", server_.address()});
    return work_.Run(arguments);
  }

  FakeServer server_{"127.0.0.1:0"};
  Workplace work_;
};

TEST_F(ProgramTest, EveryCommandHasHelpWithExamples) {
  const std::vector<std::string> commands = {"demo",
                                             "serve",
                                             "gateway",
                                             "ingest",
                                             "search",
                                             "ask",
                                             "locate",
                                             "collections create",
                                             "collections list",
                                             "collections show",
                                             "collections export",
                                             "collections delete",
                                             "documents list",
                                             "documents show",
                                             "documents delete",
                                             "jobs list",
                                             "jobs show",
                                             "jobs retry",
                                             "mcp",
                                             "doctor",
                                             "eval",
                                             "bench search",
                                             "bench answer",
                                             "bench ingest",
                                             "bench serve"};
  for (const std::string& command : commands) {
    std::vector<std::string> arguments = absl::StrSplit(command, ' ');
    arguments.push_back("--help");
    const ProgramResult result = work_.Run(arguments);
    EXPECT_EQ(result.code, 0) << command;
    EXPECT_THAT(result.out, HasSubstr("Examples:\n  sightline " + command)) << command;
  }
}

TEST_F(ProgramTest, WrongUsageIsTwoAndSaysWhatIsWrong) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "subcommand is required"},
      {{"nonsense"}, "unknown command nonsense"},
      {{"collections", "lst"}, "unknown command lst"},
      {{"search", "x"}, "--collection is required"},
      {{"search", "x", "-c", "a", "--mode", "psychic"}, "psychic"},
      {{"search", "x", "-c", "a", "-k", "0"}, "-k"},
      {{"search", "-c", "a"}, "nothing to look for"},
      {{"search", "x", "-c", "a", "--crop", "0,0,1,1"}, "--crop needs a picture"},
      {{"search", "x", "-c", "a", "--server", "h:1", "--data", "d"}, "exclude each other"},
      {{"search", "x", "-c", "a", "--model", "m"}, "--model goes with --data"},
      {{"locate", "a.png"}, "text is required"},
      {{"ingest", "-c", "a"}, "nothing to ingest"},
      {{"ingest", "x", "-c", "a", "--metadata", "novalue"}, "KEY=VALUE"},
      {{"jobs", "retry"}, "--failed"},
      {{"eval"}, "--dataset is required"},
      {{"eval", "--dataset", "no-such-folder"}, "neither demo-world:SEED nor a folder"},
      {{"eval", "--dataset", "demo-world:x"}, "whole number"},
      {{"eval", "--dataset", "demo-world:1", "--queries", "0"}, "--queries"},
      {{"eval", "--dataset", "demo-world:1", "--tasks", "dance"}, "no task dance"},
      {{"eval", "--dataset", ".", "--tasks", "box"}, "not of a folder"},
      {{"eval", "--dataset", "demo-world:1", "--untrained", "--server", "h:1"}, "--server"}};
  for (const auto& [arguments, message] : cases) {
    const ProgramResult result = work_.Run(arguments);
    EXPECT_EQ(result.code, 2) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(ProgramTest, ABadCropIsWrongUsage) {
  work_.Write("a.png", "png");
  for (const char* crop : {"0,0,1", "0.5,0,0.5,1", "0,0,2,1", "a,b,c,d", "nan,0,1,1"}) {
    EXPECT_EQ(Run({"search", "-c", "a", "--image", "a.png", "--crop", crop}).code, 2) << crop;
  }
}

TEST_F(ProgramTest, LocateSaysWhereAndWhat) {
  work_.Write("a.png", "picture");
  ProgramResult result = Run({"locate", "a.png", "the red cup"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "at 0-50% across, 0-100% down: picture, the red cup\n");
  result = Run({"locate", "a.png", "the red cup", "--json"});
  EXPECT_THAT(result.out, HasSubstr(R"({"places":[{"box":[0.0,0.0,0.5,1.0],)"));
  EXPECT_EQ(Run({"locate", "a.png", "nothing"}).out, "The model shows no place.\n");
  result = Run({"locate", "none.png", "the red cup"});
  EXPECT_NE(result.code, 0);
  EXPECT_THAT(result.err, HasSubstr("none.png"));
}

TEST_F(ProgramTest, SearchJsonIsTheReplyOfRest) {
  const ProgramResult result = Run({"search", "key", "-c", "office", "--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, SearchReplyJson(CannedSearch()) + "\n");
}

TEST_F(ProgramTest, SearchSendsWhatTheFlagsSay) {
  work_.Write("a.png", "first");
  work_.Write("b.png", "second");
  const ProgramResult result = Run({"search",       "--image", "a.png",        "words",
                                    "--image",      "b.png",   "--crop",       "0.1,0.2,0.5,1",
                                    "-c",           "office",  "-k",           "3",
                                    "--mode",       "lexical", "--rerank",     "--by-document",
                                    "--group-size", "2",       "--neighbours", "1",
                                    "--explain",    "--from",  "2024-01-01",   "--to",
                                    "2024-12-31"});
  EXPECT_EQ(result.code, 0) << result.err;
  const v1::SearchRequest sent = server_.query.last();
  EXPECT_EQ(sent.collection(), "office");
  EXPECT_EQ(sent.k(), 3);
  EXPECT_EQ(sent.mode(), v1::SEARCH_MODE_LEXICAL);
  EXPECT_TRUE(sent.rerank());
  EXPECT_TRUE(sent.group_by_document());
  EXPECT_EQ(sent.group_size(), 2);
  EXPECT_EQ(sent.neighbours(), 1);
  EXPECT_TRUE(sent.explain());
  EXPECT_EQ(sent.time_from(), "2024-01-01");
  EXPECT_EQ(sent.time_to(), "2024-12-31");
  ASSERT_EQ(sent.query_size(), 3);
  EXPECT_EQ(sent.query(0).text(), "words");
  EXPECT_EQ(sent.query(1).image(), "first");
  EXPECT_FLOAT_EQ(sent.query(1).crop().y0(), 0.2f);
  EXPECT_EQ(sent.query(2).image(), "second");
  EXPECT_FALSE(sent.query(2).has_crop());
}

TEST_F(ProgramTest, MoreAndLessLikeBecomeWeightedParts) {
  work_.Write("a.png", "first");
  const ProgramResult result =
      Run({"search", "boots", "--less-like", "0.5*text:with: heels", "--more-like", "image:a.png",
           "--more-like", "2*passage:7", "--less-like", "document:d*e", "-c", "office"});
  EXPECT_EQ(result.code, 0) << result.err;
  const v1::SearchRequest sent = server_.query.last();
  ASSERT_EQ(sent.query_size(), 5);
  EXPECT_FALSE(sent.query(0).has_weight());
  EXPECT_EQ(sent.query(1).image(), "first");
  EXPECT_FALSE(sent.query(1).has_weight());
  EXPECT_EQ(sent.query(2).passage_id(), "7");
  EXPECT_EQ(sent.query(2).weight(), 2);
  EXPECT_EQ(sent.query(3).text(), "with: heels");
  EXPECT_EQ(sent.query(3).weight(), -0.5f);
  EXPECT_EQ(sent.query(4).document_id(), "d*e");
  EXPECT_EQ(sent.query(4).weight(), -1);
  for (const char* bad : {"heels", "txt:heels", "x*text:heels", "-1*text:heels", "text:"}) {
    EXPECT_EQ(Run({"search", "boots", "--less-like", bad, "-c", "office"}).code, 2) << bad;
  }
}

TEST_F(ProgramTest, AFileOfEarlierMessagesIsSentAsTheHistory) {
  work_.Write("said.json", R"([{"role":"user","content":[{"type":"text","text":"What is it?"},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]},
      {"role":"assistant","content":"A cup."}])");
  const ProgramResult result =
      Run({"ask", "And who makes it?", "-c", "office", "--history", "said.json"});
  EXPECT_EQ(result.code, 0) << result.err;
  const v1::SearchRequest sent = server_.query.last();
  ASSERT_EQ(sent.history_size(), 2);
  EXPECT_EQ(sent.history(0).content(1).image_uri(), "data:image/png;base64,QUJD");
  EXPECT_EQ(sent.history(1).role(), "assistant");
  for (const char* bad : {"no JSON", "{}", R"([{"role":"king","content":"a"}])",
                          R"([{"role":"user","content":[{"type":"text"}]}])"}) {
    work_.Write("bad.json", bad);
    const ProgramResult refused = Run({"ask", "And?", "-c", "office", "--history", "bad.json"});
    EXPECT_EQ(refused.code, 2) << bad;
    EXPECT_THAT(refused.err, HasSubstr("bad.json")) << bad;
  }
}

TEST_F(ProgramTest, SearchWritesAHeatmapOfEachPicture) {
  const std::string folder = work_.path("new/where");
  const ProgramResult result = Run({"search", "key", "-c", "office", "--heatmaps", folder});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(ReadFile(folder + "/1.png").value_or(""), "drawn");
  const ProgramResult failed = Run({"search", "nowhere", "-c", "office", "--heatmaps", folder});
  EXPECT_EQ(failed.code, 3) << failed.err;
  EXPECT_THAT(failed.err, HasSubstr("no heatmap of hit 1: the picture is gone"));
  EXPECT_THAT(failed.out, HasSubstr("1 hit in"));
}

TEST_F(ProgramTest, SearchTextShowsPlaceAndEscapesControlCharacters) {
  const ProgramResult result = Run({"search", "key", "-c", "office"});
  EXPECT_THAT(result.out, HasSubstr("/docs/handbook.pdf  p.3  [0.10,0.25,0.90,0.50]"));
  EXPECT_THAT(result.out, HasSubstr("Turn the key.\\x1b[31m red \\x07"));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(result.out, HasSubstr("1 hit in"));
  EXPECT_THAT(result.err, HasSubstr("warning: the weights are untrained"));
}

TEST_F(ProgramTest, AServersRefusalOfAnArgumentIsTwoWithReasonAndField) {
  const ProgramResult result = Run({"search", "x", "-c", "a", "--filter", "y >", "--json"});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  const auto error = nlohmann::json::parse(result.err)["error"];
  EXPECT_EQ(error["message"], "filter: position 3: expected a value");
  EXPECT_EQ(error["param"], "filter");
  EXPECT_EQ(error["code"], "bad_filter");
}

TEST_F(ProgramTest, AFailureIsOne) {
  const ProgramResult result = Run({"search", "x", "-c", "missing"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.err, "error: no collection missing (not_found)\n");
  EXPECT_EQ(Run({"search", "-c", "a", "--image", "nothing.png"}).code, 1);
}

TEST_F(ProgramTest, NoServerIsOneAndTellsTheWaysOut) {
  const ProgramResult result =
      work_.Run({"search", "x", "-c", "a", "--server", "127.0.0.1:1", "--timeout", "0.3"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("no server answers at 127.0.0.1:1"));
}

TEST_F(ProgramTest, TheEnvironmentNamesAServer) {
  const ProgramResult result = work_.Run({"search", "x", "-c", "a", "--json"}, "",
                                         {"SIGHTLINE_SERVER=" + server_.address()});
  EXPECT_EQ(result.code, 0) << result.err;
}

TEST_F(ProgramTest, ATimeoutEndsASlowCall) {
  const ProgramResult result = Run({"search", "slow", "-c", "a", "--timeout", "0.2"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("(deadline_exceeded)"));
}

TEST_F(ProgramTest, CtrlCCancelsTheCall) {
  const auto process = work_.Start({"search", "slow", "-c", "a", "--server", server_.address()});
  while (server_.query.last().query().empty()) absl::SleepFor(absl::Milliseconds(5));
  ASSERT_TRUE(process->Signal(SIGINT).ok());
  const ProgramResult result = work_.Wait(*process);
  EXPECT_EQ(result.code, 130);
  EXPECT_EQ(result.err, "interrupted\n");
}

TEST_F(ProgramTest, AskPrintsTheAnswerThenItsSources) {
  const ProgramResult result = Run({"ask", "how?", "-c", "office"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Turn the key [1].\n\nSources\n[1] /docs/handbook.pdf  p.3"));
  EXPECT_THAT(result.out, HasSubstr("\n    supported: Turn the key.\n"));
  EXPECT_THAT(result.out, HasSubstr("sentences quoted from the sources"));
}

TEST_F(ProgramTest, AskJsonIsTheReplyOfRest) {
  const ProgramResult result = Run({"ask", "how?", "-c", "office", "--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, AnswerReplyJson(CannedAnswer()) + "\n");
}

TEST_F(ProgramTest, AskShowsTheAnswerThatTheChecksLeft) {
  const ProgramResult result = Run({"ask", "checked", "-c", "office"});
  EXPECT_THAT(result.out, HasSubstr("After the check of its sources:\nNothing.\n"));
}

TEST_F(ProgramTest, AnAnswerThatEndsEarlyIsAFailure) {
  const ProgramResult result = Run({"ask", "cut", "-c", "office"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("before its last part"));
}

TEST_F(ProgramTest, CollectionCommandsWork) {
  EXPECT_EQ(Run({"collections", "create", "office", "--dimension", "64"}).out,
            "made office with vectors of 64 numbers\n");
  EXPECT_EQ(Run({"collections", "create", "there"}).code, 1);
  EXPECT_THAT(Run({"collections", "list"}).out, HasSubstr("NAME    DIMENSION  CREATED  MODEL\n"
                                                          "office         64  -        \n"));
  EXPECT_THAT(Run({"collections", "show", "office"}).out, HasSubstr("documents     7\n"));
  const std::string shown = Run({"collections", "show", "office"}).out;
  EXPECT_THAT(shown, HasSubstr("PART                   BYTES  A PASSAGE\n"));
  EXPECT_THAT(shown, ContainsRegex("patches +90\\.0 KiB +9216\n"));
  EXPECT_THAT(shown, ContainsRegex("in memory: codes +2\\.7 KiB +272\n"));
  const auto made = nlohmann::json::parse(
      Run({"collections", "create", "office", "--patches", "binary", "--json"}).out);
  EXPECT_EQ(made["patch_vectors"], "binary");
  EXPECT_EQ(Run({"collections", "create", "office", "--patches", "some"}).code, 2);
  EXPECT_EQ(made["vectors"], "f16");
  const auto bytes = nlohmann::json::parse(
      Run({"collections", "create", "office", "--vectors", "int8", "--json"}).out);
  EXPECT_EQ(bytes["vectors"], "int8");
  EXPECT_EQ(Run({"collections", "create", "office", "--vectors", "int4"}).code, 2);
  EXPECT_EQ(nlohmann::json::parse(
                Run({"collections", "show", "office", "--json"}).out)["stats"]["documents"],
            7);
  EXPECT_EQ(Run({"collections", "delete", "office", "--yes"}).out, "deleted office\n");
}

TEST_F(ProgramTest, ListsAreJsonLines) {
  const ProgramResult result = Run({"collections", "list", "--json"});
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(nlohmann::json::parse(lines[1])["name"], "shop");
}

TEST_F(ProgramTest, DocumentsAreListedOverPages) {
  for (const char* name : {"1.md", "2.md", "3.md", "4.md", "5.md"})
    work_.Write(std::string("in/") + name, name);
  ASSERT_EQ(Run({"ingest", "in", "-c", "office"}).code, 0);
  const ProgramResult all = Run({"documents", "list", "-c", "office", "--json"});
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(all.out, '\n', absl::SkipEmpty())),
              SizeIs(5));
  const ProgramResult some = Run({"documents", "list", "-c", "office", "--json", "--limit", "3"});
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(some.out, '\n', absl::SkipEmpty())),
              SizeIs(3));
  EXPECT_THAT(Run({"documents", "list", "-c", "office"}).out, HasSubstr("id-4  indexed"));
}

TEST_F(ProgramTest, DeletingSomeThatAreMissingIsThree) {
  const ProgramResult result = Run({"documents", "delete", "-c", "office", "there", "none"});
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.out, "deleted there, 1 passage\n");
  EXPECT_THAT(result.err, HasSubstr("no document none"));
  EXPECT_EQ(Run({"documents", "delete", "-c", "office", "none"}).code, 1);
}

TEST_F(ProgramTest, ShowsFailuresOfADocument) {
  EXPECT_THAT(Run({"documents", "show", "-c", "office", "x"}).out, HasSubstr("failure     page 4"));
  EXPECT_EQ(Run({"documents", "show", "-c", "office", "none"}).code, 1);
}

TEST_F(ProgramTest, FailedJobsAreQueuedAgain) {
  EXPECT_THAT(Run({"jobs", "list"}).out, HasSubstr("job-1"));
  EXPECT_EQ(Run({"jobs", "retry", "--failed"}).out, "queued again: job-1\n");
  EXPECT_EQ(nlohmann::json::parse(Run({"jobs", "retry", "job-9", "--json"}).out)["state"],
            "queued");
}

TEST_F(ProgramTest, DoctorReportsEveryCheckWithARemedyWhereOneIsNeeded) {
  const ProgramResult result = Run({"doctor", "--json"});
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["ok"].get<bool>(), result.code == 0);
  bool saw_server = false;
  for (const auto& check : report["checks"]) {
    EXPECT_EQ(check["status"] == "ok", check["remedy"].is_null()) << check;
    saw_server = saw_server || (check["name"] == "server" && check["status"] == "ok");
  }
  EXPECT_TRUE(saw_server) << result.out;
}

TEST_F(ProgramTest, DoctorFailsOnAModelFolderWithoutAModel) {
  const ProgramResult result = Run({"doctor", "--model", work_.path("")});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out, HasSubstr("neither sightline.json nor config.json"));
}

}  // namespace
}  // namespace sightline::testing
