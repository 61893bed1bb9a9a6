#include "services/edge/shutdown_signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <thread>

#include "absl/time/clock.h"
#include "tests/support/status_matchers.h"

namespace sightline::edge {
namespace {

using ::sightline::testing::StatusIs;

TEST(ShutdownSignalsTest, WaitEndsAtTheDeadlineWithoutASignal) {
  ASSERT_OK_AND_ASSIGN(auto signals, ShutdownSignals::Install());
  EXPECT_FALSE(signals->Wait(absl::Now() + absl::Milliseconds(20)));
}

TEST(ShutdownSignalsTest, FirstSignalIsReportedAndDoesNotEndTheProcess) {
  ASSERT_OK_AND_ASSIGN(auto signals, ShutdownSignals::Install());
  ASSERT_EQ(::raise(SIGTERM), 0);
  EXPECT_TRUE(signals->Wait());
  EXPECT_TRUE(signals->Wait());  // stays true
}

TEST(ShutdownSignalsTest, AWaitWithoutDeadlineSleeps) {
  ASSERT_OK_AND_ASSIGN(auto signals, ShutdownSignals::Install());
  timespec used = {};
  std::thread waiter([&] {
    EXPECT_TRUE(signals->Wait());
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  });
  absl::SleepFor(absl::Milliseconds(300));
  raise(SIGTERM);
  waiter.join();
  // Of the processor, not of the clock: one that asks over and over would have used it all along.
  EXPECT_LT(absl::DurationFromTimespec(used), absl::Milliseconds(10));
}

TEST(ShutdownSignalsTest, OnlyOneCanBeInstalled) {
  ASSERT_OK_AND_ASSIGN(auto signals, ShutdownSignals::Install());
  EXPECT_THAT(ShutdownSignals::Install(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(ShutdownSignalsDeathTest, SecondSignalEndsTheProcessAtOnce) {
  EXPECT_EXIT(
      {
        auto signals = ShutdownSignals::Install();
        ::raise(SIGINT);
        ::raise(SIGINT);
        ::exit(7);
      },
      ::testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace sightline::edge
