#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "absl/time/clock.h"

namespace sightline {
namespace {

TEST(BoundedQueueTest, GivesItemsBackInOrder) {
  BoundedQueue<int> queue(3);
  EXPECT_TRUE(queue.Push(1));
  EXPECT_TRUE(queue.Push(2));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), 2);
}

TEST(BoundedQueueTest, TryPushOnAFullQueueLeavesTheItem) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  EXPECT_TRUE(queue.TryPush(first));
  EXPECT_FALSE(queue.TryPush(second));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(*second, 2);
}

TEST(BoundedQueueTest, PushGivesUpAtTheDeadline) {
  BoundedQueue<int> queue(1);
  EXPECT_TRUE(queue.Push(1));
  EXPECT_FALSE(queue.Push(2, absl::Now() + absl::Milliseconds(10)));
  EXPECT_EQ(queue.size(), 1u);
}

TEST(BoundedQueueTest, PopGivesUpAtTheDeadline) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.Pop(absl::Now() + absl::Milliseconds(10)), std::nullopt);
}

TEST(BoundedQueueTest, ClosedQueueRefusesPushesAndDrains) {
  BoundedQueue<int> queue(4);
  EXPECT_TRUE(queue.Push(1));
  queue.Close();
  int item = 2;
  EXPECT_FALSE(queue.Push(2));
  EXPECT_FALSE(queue.TryPush(item));
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(BoundedQueueTest, CloseWakesWhoWaits) {
  BoundedQueue<int> empty(1);
  BoundedQueue<int> full(1);
  EXPECT_TRUE(full.Push(1));
  std::thread popper([&] { EXPECT_EQ(empty.Pop(), std::nullopt); });
  std::thread pusher([&] { EXPECT_FALSE(full.Push(2)); });
  empty.Close();
  full.Close();
  popper.join();
  pusher.join();
}

TEST(BoundedQueueTest, EveryItemOfManyThreadsArrivesOnce) {
  constexpr int kThreads = 4;
  constexpr int kItems = 500;
  BoundedQueue<int> queue(7);
  std::vector<std::thread> pushers;
  for (int t = 0; t < kThreads; ++t) {
    pushers.emplace_back([&queue, t] {
      for (int i = 0; i < kItems; ++i) EXPECT_TRUE(queue.Push(t * kItems + i));
    });
  }
  std::vector<int> seen(kThreads * kItems, 0);
  for (int i = 0; i < kThreads * kItems; ++i) {
    const auto item = queue.Pop();
    ASSERT_TRUE(item.has_value());
    ++seen[*item];
  }
  for (std::thread& pusher : pushers) pusher.join();
  for (const int count : seen) EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace sightline
