#include "base/read_ahead.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "tests/support/status_matchers.h"

namespace sightline {
namespace {

TEST(ReadAheadTest, GivesItemsInOrderWhicheverIsMadeFirst) {
  absl::Notification second_made;
  ReadAhead<int> items(3, {.threads = 2, .ahead = 2}, [&](int i) {
    if (i == 0) second_made.WaitForNotification();
    if (i == 1) second_made.Notify();
    return i * 10;
  });
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const int item, items.Next());
    EXPECT_EQ(item, i * 10);
  }
}

TEST(ReadAheadTest, MakesNoMoreThanSoManyBeforeTheyAreTaken) {
  std::atomic<int> begun = 0;
  ReadAhead<int> items(100, {.threads = 3, .ahead = 4}, [&](int i) {
    ++begun;
    return i;
  });
  for (int i = 0; i < 100; ++i) {
    EXPECT_LE(begun, i + 4);
    ASSERT_OK_AND_ASSIGN(const int item, items.Next());
    EXPECT_EQ(item, i);
  }
  EXPECT_EQ(begun, 100);
}

TEST(ReadAheadTest, EndsBeforeAllIsTaken) {
  std::atomic<int> begun = 0;
  {
    ReadAhead<int> items(1000, {.threads = 2, .ahead = 3}, [&](int i) {
      ++begun;
      return i;
    });
    ASSERT_OK_AND_ASSIGN(const int item, items.Next());
    EXPECT_EQ(item, 0);
  }
  EXPECT_LE(begun, 4);
}

TEST(ReadAheadTest, OfNothingThereIsNothingToWaitFor) {
  ReadAhead<int> items(0, {.threads = 2, .ahead = 3}, [](int i) { return i; });
}

}  // namespace
}  // namespace sightline
