#include "services/ingest/status_outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace sightline::services {
namespace {

v1::IngestStatus Accepted(int64_t tag) {
  v1::IngestStatus status;
  status.set_tag(tag);
  status.mutable_accepted();
  return status;
}
v1::IngestStatus Progress(int64_t tag, int pages) {
  v1::IngestStatus status;
  status.set_tag(tag);
  status.mutable_progress()->set_pages_done(pages);
  return status;
}
v1::IngestStatus Finished(int64_t tag) {
  v1::IngestStatus status;
  status.set_tag(tag);
  status.mutable_finished();
  return status;
}

TEST(StatusOutboxTest, KeepsOnlyTheNewestProgressOfADocument) {
  StatusOutbox outbox;
  outbox.Open();
  outbox.Put(Accepted(1));
  for (int page = 0; page < 1000; ++page) outbox.Put(Progress(1, page));
  EXPECT_TRUE(outbox.Take()->has_accepted());
  EXPECT_EQ(outbox.Take()->progress().pages_done(), 999);
  outbox.Put(Progress(1, 1000));
  outbox.Put(Finished(1));
  EXPECT_TRUE(outbox.Take()->has_finished()) << "progress after the end is of no use";
}

TEST(StatusOutboxTest, EndsWhenInputEndedAndAllIsWritten) {
  StatusOutbox outbox;
  outbox.Open();
  outbox.EndOfInput();
  outbox.Put(Finished(1));
  const auto last = outbox.Take();
  EXPECT_FALSE(outbox.AwaitFewerThan(1, absl::Now()));
  outbox.Written(*last);
  EXPECT_TRUE(outbox.AwaitFewerThan(1, absl::Now()));
  EXPECT_FALSE(outbox.Take().has_value());
}

TEST(StatusOutboxTest, CloseWakesAllAndKeepsNothing) {
  StatusOutbox outbox;
  outbox.Open();
  std::thread writer([&] { EXPECT_FALSE(outbox.Take().has_value()); });
  outbox.Close();
  writer.join();
  outbox.Put(Finished(1));
  EXPECT_FALSE(outbox.Take().has_value());
  EXPECT_TRUE(outbox.AwaitFewerThan(1, absl::InfiniteFuture()));
}

}  // namespace
}  // namespace sightline::services
