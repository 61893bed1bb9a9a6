#include "base/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

std::unique_ptr<Process> Shell(const std::string& script, ProcessOptions options = {}) {
  options.argv = {"/bin/sh", "-c", script};
  auto process = Process::Start(options);
  EXPECT_THAT(process, IsOk());
  return std::move(process).value();
}

TEST(ProcessTest, ReportsTheExitCode) {
  const auto exit = Shell("exit 3")->Wait();
  ASSERT_THAT(exit, IsOk());
  EXPECT_EQ(exit->code, 3);
  EXPECT_EQ(Describe(*exit), "exit code 3");
}

TEST(ProcessTest, ReportsTheSignalThatEndedIt) {
  auto process = Shell("exec sleep 100");
  ASSERT_THAT(process->Signal(SIGKILL), IsOk());
  const auto exit = process->Wait();
  ASSERT_THAT(exit, IsOk());
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_THAT(Describe(*exit), HasSubstr("signal 9"));
}

TEST(ProcessTest, WaitGivesUpAtItsDeadlineAndCanBeCalledAgain) {
  auto process = Shell("exec sleep 100");
  EXPECT_THAT(process->Wait(absl::Now() + absl::Milliseconds(20)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  const auto exit = process->Stop(absl::Seconds(20));
  ASSERT_THAT(exit, IsOk());
  EXPECT_EQ(exit->signal, SIGTERM);
}

TEST(ProcessTest, StopKillsAChildThatIgnoresTheRequest) {
  auto process =
      Shell("trap '' TERM; echo deaf; while :; do sleep 0.05; done", {.out = ChildStream::kPipe});
  ASSERT_THAT(ReadLine(process->out_fd(), absl::Now() + absl::Seconds(20)), IsOk());
  const auto exit = process->Stop(absl::Milliseconds(50));
  ASSERT_THAT(exit, IsOk());
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST(ProcessTest, PipesCarryInputAndOutput) {
  auto process = Shell("cat; echo done", {.in = ChildStream::kPipe, .out = ChildStream::kPipe});
  ASSERT_EQ(::write(process->in_fd(), "one\ntwo\n", 8), 8);
  process->CloseIn();
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  EXPECT_EQ(ReadLine(process->out_fd(), deadline).value(), "one");
  EXPECT_EQ(ReadLine(process->out_fd(), deadline).value(), "two");
  EXPECT_EQ(ReadLine(process->out_fd(), deadline).value(), "done");
  EXPECT_THAT(ReadLine(process->out_fd(), deadline), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST(ProcessTest, ReadLineStopsAtItsDeadline) {
  auto process = Shell("exec sleep 100", {.out = ChildStream::kPipe});
  EXPECT_THAT(ReadLine(process->out_fd(), absl::Now() + absl::Milliseconds(20)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST(ProcessTest, AppendsOutputToAFile) {
  const auto dir = TempDir::Create().value();
  const std::string path = dir->path() + "/log";
  const ProcessOptions options = {
      .out = ChildStream::kFile, .err = ChildStream::kFile, .out_path = path, .err_path = path};
  ASSERT_THAT(Shell("echo out", options)->Wait(), IsOk());
  ASSERT_THAT(Shell("echo err >&2", options)->Wait(), IsOk());
  EXPECT_EQ(ReadFile(path).value(), "out\nerr\n");
}

TEST(ProcessTest, AMissingProgramIsNamed) {
  const auto process = Process::Start({.argv = {"/no/such/program"}});
  EXPECT_THAT(process, StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/program")));
  EXPECT_THAT(Process::Start({}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ProcessTest, BlockedSignalsAreNotBlockedInTheChild) {
  sigset_t term;
  sigset_t old;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &old);
  auto process = Shell("exec sleep 100");
  const auto exit = process->Stop(absl::Seconds(20));
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  ASSERT_THAT(exit, IsOk());
  EXPECT_EQ(exit->signal, SIGTERM);
}

TEST(ProcessTest, DestructionEndsTheChild) {
  pid_t pid = 0;
  {
    auto process = Shell("exec sleep 100");
    pid = process->pid();
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

}  // namespace
}  // namespace sightline
