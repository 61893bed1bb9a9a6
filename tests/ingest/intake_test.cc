#include "ingest/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/notification.h"

namespace sightline::ingest {
namespace {

using ::testing::ElementsAre;

TEST(IntakeTest, HandsDocumentsInBesideEachOther) {
  // Each waits for all the others.
  absl::Barrier* const together = new absl::Barrier(3);
  Intake intake(3);
  for (const char* name : {"a", "b", "c"}) {
    intake.Add(name, [together] {
      if (together->Block()) delete together;
    });
  }
}

TEST(IntakeTest, KeepsTheOrderOfOneDocument) {
  absl::Notification go;
  std::vector<int> order;  // touched by one task of the document at a time
  {
    Intake intake(4);
    intake.Add("a", [&] {
      go.WaitForNotification();
      order.push_back(0);
    });
    for (int i = 1; i < 5; ++i) intake.Add("a", [&order, i] { order.push_back(i); });
    intake.Add("b", [&] { go.Notify(); });
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
}

TEST(IntakeTest, EndsWhenAllIsHandedIn) {
  std::atomic<int> done = 0;
  {
    Intake intake(2);
    for (int i = 0; i < 100; ++i) intake.Add(std::to_string(i % 7), [&] { ++done; });
  }
  EXPECT_EQ(done, 100);
}

}  // namespace
}  // namespace sightline::ingest
