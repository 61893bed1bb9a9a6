// The sightline program beside a stand-in for sightline-server, which it starts itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "tests/cli/run_program.h"

namespace sightline::testing {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;
using ::testing::Not;

class PrivateServerTest : public ::testing::Test {
 protected:
  PrivateServerTest() {
    fs::create_directory(work_.path("bin"));
    fs::copy_file(std::string(SIGHTLINE_BIN_DIR) + "/sightline", Program());
  }

  std::string Program() const { return work_.path("bin/sightline"); }

  void UseFakeServer() { fs::copy_file(SIGHTLINE_FAKE_SERVER, work_.path("bin/sightline-server")); }

  void UseScript(const std::string& script) {
    const std::string path = work_.Write("bin/sightline-server", "#!/bin/sh\n" + script);
    fs::permissions(path, fs::perms::owner_all);
  }

  Workplace work_;
};

TEST_F(PrivateServerTest, DataStartsAServerUsesItAndStopsIt) {
  UseFakeServer();
  const ProgramResult result =
      work_.Run({"search", "x", "-c", "a", "--data", "corpus/deep", "--json"}, Program());
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["hits"].size(), 1u);
  EXPECT_EQ(ReadFile(work_.path("corpus/deep/server.log")).value(),
            "serving corpus/deep\nstopped by a signal\n");
}

TEST_F(PrivateServerTest, CtrlCStopsTheServerToo) {
  UseFakeServer();
  const auto process = work_.Start({"search", "slow", "-c", "a", "--data", "corpus"}, Program());
  while (ReadFile(work_.path("corpus/server.log")).value_or("").empty()) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  ASSERT_TRUE(process->Signal(SIGINT).ok());
  EXPECT_EQ(work_.Wait(*process).code, 130);
  EXPECT_THAT(ReadFile(work_.path("corpus/server.log")).value(), HasSubstr("stopped by a signal"));
}

TEST_F(PrivateServerTest, AServerThatDoesNotStartShowsWhatItSaid) {
  work_.Write("corpus/server.log", "an older line\n");
  UseScript("echo 'the folder is locked' >&2; exit 4\n");
  const ProgramResult result = work_.Run({"collections", "list", "--data", "corpus"}, Program());
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("exit code 4"));
  EXPECT_THAT(result.err, HasSubstr("the folder is locked"));
  EXPECT_THAT(result.err, Not(HasSubstr("an older line")));
}

TEST_F(PrivateServerTest, AMissingServerProgramIsNamed) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"collections", "list", "--data", "corpus"}, {"serve"}}) {
    const ProgramResult result = work_.Run(arguments, Program());
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr("sightline-server is not beside this program"));
  }
}

TEST_F(PrivateServerTest, TheServersCommandsAreHandedOn) {
  UseScript("echo \"$@\"; exit 7\n");
  const ProgramResult serve =
      work_.Run({"serve", "--data", "d", "--print-config", "--help"}, Program());
  EXPECT_EQ(serve.code, 7);
  EXPECT_EQ(serve.out, "serve --data d --print-config --help\n");
  EXPECT_EQ(work_.Run({"gateway", "--server", "h:1"}, Program()).out,
            "serve --roles=gateway --server h:1\n");
  EXPECT_EQ(work_.Run({"model", "--help"}, Program()).out, "model --help\n");
}

// The stand-in has an encoder alone, and finds one and the same document whatever it is asked.
TEST_F(PrivateServerTest, DemoRunsToItsEndAndSaysWhatIsNotRight) {
  UseFakeServer();
  const ProgramResult result =
      work_.Run({"demo", "--json", "--items", "40", "--data", "demo"}, Program());
  EXPECT_EQ(result.code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["documents"], 40 + 20 + 40 + 4);
  EXPECT_TRUE(report["untrained"].get<bool>());
  EXPECT_EQ(report["searches"].size(), 8u);
  EXPECT_FALSE(report["searches"][0]["right"].get<bool>());
  EXPECT_EQ(report["answers"].size(), 1u);  // quoted; the others take a generator
  EXPECT_EQ(report["right"], 0);
  EXPECT_EQ(report["asked"], 9);
  EXPECT_TRUE(report["extraction"].is_null());
  EXPECT_EQ(report["left_out"].size(), 7u);
  for (const char* file : {"photos/photo-0040.png", "pages/page-001.png", "texts/text-0001.md",
                           "papers/kucun-shouce.pdf", "questions/01.png"}) {
    EXPECT_TRUE(fs::exists(work_.path("demo/demo-files/") + file)) << file;
  }
}

TEST_F(PrivateServerTest, DemoShowsEachStepWithItsHitsAndAMark) {
  UseFakeServer();
  const ProgramResult result = work_.Run({"demo", "--items", "40"}, Program());
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("✗ Search by words in a PDF: 安全库存"));
  EXPECT_THAT(result.out, HasSubstr(" 1  0.850  /docs/handbook.pdf  p.3"));
  EXPECT_THAT(result.out, HasSubstr("the right one is not among the first 1"));
  EXPECT_THAT(result.out, HasSubstr("right would be: 1200 kg (handbook)"));
  EXPECT_THAT(result.out, HasSubstr("Left out, as the model has no generator: "));
  EXPECT_THAT(result.out, HasSubstr("0 of 9 are right"));
}

TEST_F(PrivateServerTest, DemoServesUntilItIsStopped) {
  UseFakeServer();
  const auto process =
      work_.Start({"demo", "--serve", "--items", "10", "--http", "127.0.0.1:18080"}, Program());
  std::string out;
  while (out.find("Ctrl-C") == std::string::npos) {
    absl::SleepFor(absl::Milliseconds(20));
    out = ReadFile(work_.path("out")).value_or("");
    ASSERT_FALSE(process->Wait(absl::Now()).ok()) << ReadFile(work_.path("err")).value_or("");
  }
  ASSERT_TRUE(process->Signal(SIGTERM).ok());
  EXPECT_EQ(work_.Wait(*process).code, 0);
  EXPECT_THAT(out, HasSubstr("The web page is at http://127.0.0.1:18080/"));
}

}  // namespace
}  // namespace sightline::testing
