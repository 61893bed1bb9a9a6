#include "ingest/job_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using sightline::testing::IsOk;
using sightline::testing::StatusIs;
using ::testing::SizeIs;

QueuedJob JobOf(const std::string& id, const std::string& document, int64_t sequence) {
  QueuedJob queued;
  queued.job.id = id;
  queued.job.collection = "c";
  queued.job.document_id = document;
  queued.options.sequence = sequence;
  return queued;
}

void Push(JobQueue& queue, const std::string& id, const std::string& document) {
  ASSERT_OK_AND_ASSIGN(const int64_t sequence, queue.Reserve());
  queue.Push(JobOf(id, document, sequence));
}

TEST(JobQueueTest, GivesJobsInOrderOfSubmission) {
  JobQueue queue(8);
  Push(queue, "1", "a");
  Push(queue, "2", "b");
  EXPECT_EQ(queue.Take()->queued.job.id, "1");
  EXPECT_EQ(queue.Take()->queued.job.id, "2");
}

TEST(JobQueueTest, IsBoundedByJobsThatAreOnlyReservedToo) {
  JobQueue queue(2);
  Push(queue, "1", "a");
  ASSERT_THAT(queue.Reserve(), IsOk());
  EXPECT_THAT(queue.Reserve(), StatusIs(absl::StatusCode::kResourceExhausted));
  queue.Release();
  EXPECT_THAT(queue.Reserve(), IsOk());
}

TEST(JobQueueTest, NeverRunsTwoJobsOfOneDocumentAtOnce) {
  JobQueue queue(8);
  Push(queue, "1", "a");
  Push(queue, "2", "a");
  Push(queue, "3", "b");
  const auto first = queue.Take();
  const auto other = queue.Take();
  EXPECT_EQ(first->queued.job.id, "1");
  EXPECT_EQ(other->queued.job.id, "3");
  queue.Finish(other);
  queue.Finish(first);
  EXPECT_EQ(queue.Take()->queued.job.id, "2");
}

TEST(JobQueueTest, RestoredJobsComeBeforeNewOnesAndPassTheBound) {
  JobQueue queue(1);
  queue.Restore(JobOf("old2", "b", 9));
  queue.Restore(JobOf("old1", "a", 4));
  EXPECT_EQ(queue.waiting(), 2);
  EXPECT_EQ(queue.Take()->queued.job.id, "old1");
  EXPECT_EQ(queue.Take()->queued.job.id, "old2");
  ASSERT_OK_AND_ASSIGN(const int64_t sequence, queue.Reserve());
  EXPECT_EQ(sequence, 10);
}

TEST(JobQueueTest, KnowsUnfinishedDocuments) {
  JobQueue queue(8);
  Push(queue, "1", "a");
  EXPECT_TRUE(queue.HasUnfinished("c", "a"));
  EXPECT_FALSE(queue.HasUnfinished("c", "b"));
  EXPECT_FALSE(queue.HasUnfinished("d", "a"));
  const auto running = queue.Take();
  EXPECT_TRUE(queue.HasUnfinished("c", "a"));
  queue.Finish(running);
  EXPECT_FALSE(queue.HasUnfinished("c", "a"));
}

TEST(JobQueueTest, BlockTakesWaitingJobsOutAndTellsRunningOnesToEnd) {
  JobQueue queue(8);
  Push(queue, "1", "a");
  Push(queue, "2", "a");
  Push(queue, "3", "b");
  const auto running = queue.Take();
  const JobQueue::Withdrawn withdrawn = queue.Block({"c", "a"});
  ASSERT_THAT(withdrawn.waiting, SizeIs(1));
  EXPECT_EQ(withdrawn.waiting[0].job.id, "2");
  ASSERT_THAT(withdrawn.running, SizeIs(1));
  EXPECT_TRUE(running->cancel->HasBeenNotified());
  EXPECT_EQ(queue.EndOf(*running), RunningJob::End::kDeleted);
  EXPECT_FALSE(queue.BeginStore(*running));
  EXPECT_EQ(queue.Take()->queued.job.id, "3");
}

TEST(JobQueueTest, BlockHoldsBackLaterJobsUntilUnblock) {
  JobQueue queue(8);
  queue.Block({"c", ""});
  Push(queue, "1", "a");
  std::shared_ptr<RunningJob> taken;
  std::thread worker([&] { taken = queue.Take(); });
  EXPECT_EQ(queue.waiting(), 1);
  queue.Unblock({"c", ""});
  worker.join();
  EXPECT_EQ(taken->queued.job.id, "1");
}

TEST(JobQueueTest, BlockWaitsForAJobThatIsStoringAndLeavesItsEndAlone) {
  JobQueue queue(8);
  Push(queue, "1", "a");
  const auto running = queue.Take();
  ASSERT_TRUE(queue.BeginStore(*running));
  JobQueue::Withdrawn withdrawn;
  std::thread deleter([&] { withdrawn = queue.Block({"c", "a"}); });
  queue.EndStore(*running, /*settled=*/true);
  deleter.join();
  EXPECT_THAT(withdrawn.running, SizeIs(0));
  EXPECT_EQ(queue.EndOf(*running), RunningJob::End::kNone);
}

TEST(JobQueueTest, DrainRefusesNewJobsAndWaitsForRunningOnes) {
  JobQueue queue(8);
  Push(queue, "1", "a");
  Push(queue, "2", "b");
  const auto running = queue.Take();
  queue.Drain(absl::Now());  // passes at once
  EXPECT_THAT(queue.Reserve(), StatusIs(absl::StatusCode::kUnavailable));
  std::thread waiter([&] { queue.Drain(absl::InfiniteFuture()); });
  queue.Finish(running);
  waiter.join();
  EXPECT_EQ(queue.waiting(), 1);
}

TEST(JobQueueTest, StopWakesThoseWhoWait) {
  JobQueue queue(8);
  std::shared_ptr<RunningJob> taken = std::make_shared<RunningJob>();
  std::thread worker([&] { taken = queue.Take(); });
  queue.Stop();
  worker.join();
  EXPECT_EQ(taken, nullptr);
}

}  // namespace
}  // namespace sightline::ingest
