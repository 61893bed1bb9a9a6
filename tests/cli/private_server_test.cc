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

TEST_F(PrivateServerTest, DemoRunsToItsEnd) {
  UseFakeServer();
  const ProgramResult result = work_.Run({"demo", "--json", "--data", "demo"}, Program());
  EXPECT_EQ(result.code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["documents"], 33);
  EXPECT_TRUE(report["untrained"].get<bool>());
  EXPECT_EQ(report["searches"].size(), 5u);
  EXPECT_EQ(report["answers"].size(), 2u);
  EXPECT_TRUE(fs::exists(work_.path("demo/demo-files/pictures.jsonl")));
}

TEST_F(PrivateServerTest, DemoServesUntilItIsStopped) {
  UseFakeServer();
  const auto process = work_.Start({"demo", "--serve", "--http", "127.0.0.1:18080"}, Program());
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
