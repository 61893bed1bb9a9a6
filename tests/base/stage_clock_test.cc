#include "base/stage_clock.h"

#include <gtest/gtest.h>

#include <optional>

namespace sightline {
namespace {

class StageClockTest : public ::testing::Test {
 protected:
  void Pass(int seconds) { now_ += absl::Seconds(seconds); }

  absl::Time now_ = absl::UnixEpoch();
  StageClock clock_{"decode", 2, [this] { return now_; }};
};

TEST_F(StageClockTest, AddsUpWhatItsThreadsWork) {
  {
    StageClock::Work first(clock_);
    Pass(3);
    StageClock::Work second(clock_);
    Pass(2);
    first.Done(1, 10);
    second.Done(4, 100);
  }
  Pass(50);
  const StageWork work = clock_.work();
  EXPECT_EQ(work.stage, "decode");
  EXPECT_EQ(work.threads, 2);
  EXPECT_DOUBLE_EQ(work.seconds, 3 + 2 * 2);
  EXPECT_EQ(work.items, 5);
  EXPECT_EQ(work.bytes, 110);
}

TEST_F(StageClockTest, DoesNotCountWhatWaitsBehindItsThreads) {
  std::optional<StageClock::Work> one(clock_), two(clock_), three(clock_);
  Pass(10);
  three.reset();
  Pass(1);
  EXPECT_DOUBLE_EQ(clock_.work().seconds, 2 * 11);
}

TEST_F(StageClockTest, CountsWhatIsUnderWay) {
  StageClock::Work work(clock_);
  Pass(4);
  EXPECT_DOUBLE_EQ(clock_.work().seconds, 4);
  EXPECT_EQ(clock_.work().items, 0);
}

TEST_F(StageClockTest, TakesNothingAwayWhenAClockIsSetBack) {
  StageClock::Work work(clock_);
  Pass(-100);
  EXPECT_DOUBLE_EQ(clock_.work().seconds, 0);
}

}  // namespace
}  // namespace sightline
