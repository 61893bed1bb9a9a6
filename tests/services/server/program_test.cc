// sightline-server as a program: command line, exit codes, signals. It runs as a gateway, which
// needs no model.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kProgram[] = SIGHTLINE_BIN_DIR "/sightline-server";

ProcessOptions Command(std::vector<std::string> arguments) {
  ProcessOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.begin(), kProgram);
  options.out = ChildStream::kPipe;
  options.err = ChildStream::kPipe;
  return options;
}

ProcessOptions Gateway() {
  return Command({"serve", "--roles=gateway", "--server", "127.0.0.1:1", "--http=127.0.0.1:0"});
}

std::string ReadAll(int fd) {
  std::string out;
  char chunk[4096];
  for (ssize_t n = 0; (n = ::read(fd, chunk, sizeof(chunk))) > 0;) out.append(chunk, n);
  return out;
}

struct Finished {
  int code = -1;
  std::string out;
  std::string err;
};

Finished RunProgram(std::vector<std::string> arguments) {
  auto process = Process::Start(Command(std::move(arguments)));
  EXPECT_THAT(process, testing::IsOk());
  Finished finished;
  finished.out = ReadAll((*process)->out_fd());
  finished.err = ReadAll((*process)->err_fd());
  finished.code = (*process)->Wait()->code;
  return finished;
}

absl::Time Soon() { return absl::Now() + absl::Seconds(60); }

TEST(ProgramTest, WrongUsageExitsWithTwoAndSaysWhy) {
  EXPECT_EQ(RunProgram({}).code, 2);
  EXPECT_EQ(RunProgram({"cook"}).code, 2);
  const Finished flag = RunProgram({"serve", "--grcp", "x"});
  EXPECT_EQ(flag.code, 2);
  EXPECT_THAT(flag.err, HasSubstr("did you mean \"--grpc\"?"));
  const Finished value = RunProgram({"serve", "--log-level"});
  EXPECT_EQ(value.code, 2);
  EXPECT_THAT(value.err, HasSubstr("--log-level: expected a value"));
  EXPECT_EQ(RunProgram({"serve", "stray"}).code, 2);
  EXPECT_EQ(RunProgram({"serve", "--config", "/no/such/file"}).code, 2);
}

TEST(ProgramTest, HelpVersionAndPrintedConfigurationExitWithZero) {
  EXPECT_THAT(RunProgram({"--help"}).out, HasSubstr("--die-with-parent"));
  EXPECT_THAT(RunProgram({"serve", "--help"}).out, HasSubstr("usage:"));
  EXPECT_THAT(RunProgram({"--version"}).out, StartsWith("sightline-server "));
  const Finished printed = RunProgram({"serve", "--print-config", "--grpc", "127.0.0.1:7"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_THAT(printed.out, HasSubstr("grpc: \"127.0.0.1:7\"  # flag"));
}

TEST(ProgramTest, AStartThatFailsExitsWithOneAndOneLine) {
  const Finished failed =
      RunProgram({"serve", "--roles=gateway", "--server=127.0.0.1:1", "--http=256.0.0.1:80"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, StartsWith("sightline-server: "));
  EXPECT_EQ(std::count(failed.err.begin(), failed.err.end(), '\n'), 1) << failed.err;
}

TEST(ProgramTest, PrintsOneReadyLineAndStopsOnSigterm) {
  ASSERT_OK_AND_ASSIGN(auto process, Process::Start(Gateway()));
  ASSERT_OK_AND_ASSIGN(const std::string line, ReadLine(process->out_fd(), Soon()));
  EXPECT_THAT(line, StartsWith("ready grpc=127.0.0.1:1 http=127.0.0.1:"));
  ASSERT_THAT(process->Signal(SIGTERM), testing::IsOk());
  ASSERT_OK_AND_ASSIGN(const ExitStatus exit, process->Wait(Soon()));
  EXPECT_TRUE(exit.ok()) << Describe(exit);
  EXPECT_EQ(ReadAll(process->out_fd()), "");
}

TEST(ProgramTest, ASecondSignalEndsADrainingServerAtOnce) {
  ProcessOptions options = Gateway();
  ASSERT_OK_AND_ASSIGN(auto dir, TempDir::Create());
  ASSERT_THAT(WriteFileAtomic(dir->path() + "/c.yaml", "server:\n  drain_delay_seconds: 600\n"),
              testing::IsOk());
  options.argv.push_back("--config=" + dir->path() + "/c.yaml");
  ASSERT_OK_AND_ASSIGN(auto process, Process::Start(options));
  ASSERT_OK_AND_ASSIGN(const std::string ready, ReadLine(process->out_fd(), Soon()));
  ASSERT_THAT(process->Signal(SIGINT), testing::IsOk());
  // "stopping" is logged once the first signal has been taken.
  while (true) {
    ASSERT_OK_AND_ASSIGN(const std::string line, ReadLine(process->err_fd(), Soon()));
    if (line.find("stopping") != std::string::npos) break;
  }
  ASSERT_THAT(process->Signal(SIGINT), testing::IsOk());
  ASSERT_OK_AND_ASSIGN(const ExitStatus exit, process->Wait(Soon()));
  EXPECT_EQ(exit.code, 1);
}

TEST(ProgramTest, DiesWithItsParentWhenAskedTo) {
  // A parent in between starts the server, waits for it to be ready, and ends without a word; the
  // pipe then closes only when the server has ended too.
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    const pid_t server = ::fork();
    if (server == 0) {
      ::dup2(pipe[1], STDOUT_FILENO);
      ::close(pipe[0]);
      ::close(pipe[1]);
      ::execl(kProgram, kProgram, "serve", "--roles=gateway", "--server=127.0.0.1:1",
              "--http=127.0.0.1:0", "--die-with-parent", nullptr);
      ::_exit(9);
    }
    char byte = 0;
    const ssize_t got = ::read(pipe[0], &byte, 1);
    ::_exit(got == 1 && byte == 'r' ? 0 : 1);
  }
  ::close(pipe[1]);
  int status = 0;
  ASSERT_EQ(::waitpid(parent, &status, 0), parent);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_THAT(ReadAll(pipe[0]), StartsWith("eady "));
  ::close(pipe[0]);
}

}  // namespace
}  // namespace sightline::services
