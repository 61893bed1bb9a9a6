#include "ingest/remote_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "ingest/failure.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using index::JobState;
using sightline::testing::FakeEncoder;
using sightline::testing::IsOk;
using sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// An ingestor without workers of its own; leases end by a clock that the test sets.
class RemoteJobsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    media::MediaOptions media;
    media.program = SIGHTLINE_BIN_DIR "/sightline-media";
    ASSERT_OK_AND_ASSIGN(media_, media::MediaClient::Create(media));
    index::CorpusOptions corpus;
    corpus.path = dir_->path() + "/corpus";
    ASSERT_OK_AND_ASSIGN(corpus_, index::Corpus::Open(corpus));
    ASSERT_THAT(corpus_->CreateCollection("c", encoder_.info().fingerprint, 8), IsOk());
    options_.workers = 0;
    options_.remote_workers = true;
    options_.lease = absl::Seconds(60);
    options_.max_attempts = 2;
    options_.now = [this] { return absl::FromUnixSeconds(seconds_); };
    Make();
  }

  void Make() {
    ASSERT_OK_AND_ASSIGN(ingestor_, Ingestor::Create(options_, dir_->path() + "/spool", *corpus_,
                                                     encoder_, *media_, generator_.get()));
    ASSERT_THAT(ingestor_->Start(), IsOk());
  }

  RemoteJobs& jobs() { return *ingestor_->remote(); }
  std::string Submit(const std::string& source, IngestCallbacks callbacks = {}) {
    IngestRequest request;
    request.collection = "c";
    request.document_id = request.source = source;
    const auto id = ingestor_->Submit(request, "words of " + source, std::move(callbacks));
    EXPECT_THAT(id, IsOk());
    return id.value_or("");
  }
  absl::StatusOr<Lease> Take(const std::string& worker = "w", const std::string& generator = "") {
    return jobs().Take({.name = worker, .generator = generator},
                       absl::Now() + absl::Milliseconds(20), nullptr);
  }
  JobState StateOf(const std::string& job) { return corpus_->GetJob(job)->state; }
  void Pass(int seconds) {
    seconds_ += seconds;
    jobs().Sweep();
  }
  // What a worker makes of a short text.
  static Reading ReadingOf(const Lease& lease) {
    Reading reading;
    index::DocumentWrite write;
    write.document = lease.task.document;
    write.document.media_type = "text/plain";
    write.document.pages = 1;
    write.document.state = index::DocumentState::kIndexed;
    index::PassageWrite& passage = write.passages.emplace_back();
    passage.passage.text = std::string(lease.file->bytes());
    passage.vector = {1, 0, 0, 0, 0, 0, 0, 0};
    reading.write = std::move(write);
    return reading;
  }

  std::unique_ptr<TempDir> dir_;
  FakeEncoder encoder_;
  std::unique_ptr<model::Generator> generator_;  // null unless a test sets one
  std::unique_ptr<media::MediaClient> media_;
  std::unique_ptr<index::Corpus> corpus_;
  IngestOptions options_;
  std::atomic<int64_t> seconds_{1'000};
  std::unique_ptr<Ingestor> ingestor_;
};

TEST_F(RemoteJobsTest, GivesTheOldestJobFirstAndNoJobTwice) {
  Submit("a");
  Submit("b");
  ASSERT_OK_AND_ASSIGN(const Lease first, Take("one"));
  ASSERT_OK_AND_ASSIGN(const Lease second, Take("two"));
  EXPECT_EQ(first.task.document.id, "a");
  EXPECT_EQ(second.task.document.id, "b");
  EXPECT_NE(first.id, second.id);
  EXPECT_THAT(Take("three"), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(first.file->bytes(), "words of a");
  EXPECT_EQ(first.task.dimension, 8);
}

TEST_F(RemoteJobsTest, AJobThatNeedsTheGeneratorGoesToWorkersThatHaveIt) {
  ingestor_.reset();
  generator_ = std::make_unique<sightline::testing::FakeGenerator>("It is about mills.");
  Make();
  IngestRequest request;
  request.collection = "c";
  request.source = "summed up";
  request.enrichment.summarize = true;
  ASSERT_OK_AND_ASSIGN(const std::string job, ingestor_->Submit(request, "text", {}));
  Submit("plain");
  ASSERT_OK_AND_ASSIGN(const Lease plain, Take("without"));
  EXPECT_EQ(plain.task.document.id, "plain");
  EXPECT_THAT(Take("with another", "of another"), StatusIs(absl::StatusCode::kDeadlineExceeded));
  ASSERT_OK_AND_ASSIGN(const Lease lease, Take("with", generator_->info().fingerprint));
  EXPECT_EQ(lease.job.id, job);
  EXPECT_TRUE(lease.task.enrichment.summarize);
}

TEST_F(RemoteJobsTest, CommitsAResultAsAWorkerHereWould) {
  IngestResult result;
  std::vector<int> pages;
  const std::string job = Submit(
      "a", {.on_accepted = nullptr,
            .on_progress = [&](const Progress& progress) { pages.push_back(progress.pages_done); },
            .on_finished = [&](const IngestResult& end) { result = end; }});
  ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
  EXPECT_EQ(StateOf(job), JobState::kRunning);
  EXPECT_THAT(jobs().Renew(lease.id, Progress{.pages_done = 1}), IsOk());
  ASSERT_OK_AND_ASSIGN(const Outcome outcome, jobs().Finish(lease.id, ReadingOf(lease)));
  EXPECT_EQ(outcome, Outcome::kIndexed);
  EXPECT_THAT(pages, ElementsAre(1));
  EXPECT_EQ(result.job_id, job);
  EXPECT_EQ(result.outcome, Outcome::kIndexed);
  EXPECT_EQ(StateOf(job), JobState::kDone);
  ASSERT_OK_AND_ASSIGN(const index::Document document, corpus_->GetDocument("c", "a"));
  EXPECT_EQ(document.passages, 1);
  EXPECT_EQ(ingestor_->counters().indexed, 1);
  // And leaves it alone when the same comes again, without any worker.
  const std::string again = Submit("a");
  for (int i = 0; i < 500 && ingestor_->counters().unchanged == 0; ++i) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(StateOf(again), JobState::kDone);
  EXPECT_EQ(ingestor_->counters().unchanged, 1);
}

TEST_F(RemoteJobsTest, TheSameReportTwiceIsTheSameOutcomeAndOneDocument) {
  Submit("a");
  ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
  ASSERT_THAT(jobs().Finish(lease.id, ReadingOf(lease)), IsOk());
  ASSERT_OK_AND_ASSIGN(const Outcome again, jobs().Finish(lease.id, ReadingOf(lease)));
  EXPECT_EQ(again, Outcome::kIndexed);
  EXPECT_EQ(corpus_->GetDocument("c", "a")->version, 1);
  EXPECT_EQ(ingestor_->counters().indexed, 1);
}

TEST_F(RemoteJobsTest, ALeaseThatIsRenewedLastsAndOneThatIsNotGoesToAnother) {
  const std::string job = Submit("a");
  ASSERT_OK_AND_ASSIGN(const Lease first, Take("one"));
  Pass(59);
  ASSERT_OK_AND_ASSIGN(const absl::Time expiry, jobs().Renew(first.id, std::nullopt));
  EXPECT_EQ(absl::ToUnixSeconds(expiry), 1'000 + 59 + 60);
  Pass(59);
  EXPECT_THAT(Take("two"), StatusIs(absl::StatusCode::kDeadlineExceeded));
  Pass(1);
  EXPECT_EQ(StateOf(job), JobState::kQueued);
  ASSERT_OK_AND_ASSIGN(const Lease second, Take("two"));
  EXPECT_EQ(second.job.id, job);
  // The first one is too late with everything.
  EXPECT_THAT(jobs().Renew(first.id, std::nullopt), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(jobs().Finish(first.id, ReadingOf(first)), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(jobs().Release(first.id), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(corpus_->GetDocument("c", "a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(jobs().Finish(second.id, ReadingOf(second)), IsOk());
  EXPECT_EQ(corpus_->GetJob(job)->attempts, 2);
}

TEST_F(RemoteJobsTest, ALeaseIsLostWhenItsTimeIsOverWhetherItWasSweptUpOrNot) {
  Submit("a");
  ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
  seconds_ += 60;
  EXPECT_THAT(jobs().Finish(lease.id, ReadingOf(lease)), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(RemoteJobsTest, AJobThatNoWorkerBringsToAnEndFails) {
  const std::string job = Submit("a");
  for (int i = 0; i < options_.max_attempts; ++i) {
    EXPECT_THAT(Take(absl::StrCat("worker", i)), IsOk());
    Pass(60);
  }
  ASSERT_OK_AND_ASSIGN(const index::Job failed, corpus_->GetJob(job));
  EXPECT_EQ(failed.state, JobState::kFailed);
  EXPECT_EQ(failed.attempts, options_.max_attempts);
  ASSERT_THAT(failed.failures, SizeIs(1));
  EXPECT_EQ(failed.failures[0].reason, "worker_lost");
  EXPECT_THAT(failed.failures[0].message, HasSubstr("worker1"));
  // As any failed job it can be tried again, from the start.
  ASSERT_THAT(ingestor_->Retry(job), IsOk());
  ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
  EXPECT_THAT(jobs().Finish(lease.id, ReadingOf(lease)), IsOk());
  EXPECT_EQ(StateOf(job), JobState::kDone);
}

TEST_F(RemoteJobsTest, AReleasedJobKeepsItsPlaceAndItsAttempts) {
  const std::string job = Submit("a");
  Submit("b");
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
    EXPECT_EQ(lease.job.id, job);
    EXPECT_THAT(jobs().Release(lease.id), IsOk());
  }
  EXPECT_EQ(corpus_->GetJob(job)->attempts, 0);
}

TEST_F(RemoteJobsTest, AResultThatCannotBeGoesToNoDocumentAndCountsAsLost) {
  const std::string job = Submit("a");
  for (int i = 0; i < options_.max_attempts; ++i) {
    ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
    Reading reading = ReadingOf(lease);
    reading.write->passages[0].vector.pop_back();
    EXPECT_THAT(jobs().Finish(lease.id, std::move(reading)),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(jobs().Renew(lease.id, std::nullopt), StatusIs(absl::StatusCode::kAborted));
  }
  ASSERT_OK_AND_ASSIGN(const index::Job failed, corpus_->GetJob(job));
  EXPECT_EQ(failed.state, JobState::kFailed);
  EXPECT_EQ(failed.failures[0].reason, "bad_result");
}

TEST_F(RemoteJobsTest, WhatCannotBeReadFailsAsItDoesHere) {
  const std::string job = Submit("a");
  ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
  Reading reading;
  reading.write = WithReason(absl::InvalidArgumentError("it is encrypted"), "encrypted");
  ASSERT_OK_AND_ASSIGN(const Outcome outcome, jobs().Finish(lease.id, std::move(reading)));
  EXPECT_EQ(outcome, Outcome::kFailed);
  EXPECT_EQ(corpus_->GetJob(job)->failures[0].reason, "encrypted");
  EXPECT_EQ(corpus_->GetDocument("c", "a")->state, index::DocumentState::kFailed);
}

TEST_F(RemoteJobsTest, ADeletedDocumentIsNotBroughtBackByALateResult) {
  std::atomic<int> ends{0};
  Submit("a", {.on_accepted = nullptr,
               .on_progress = nullptr,
               .on_finished = [&](const IngestResult& result) {
                 EXPECT_EQ(ReasonOf(result.status), "deleted");
                 ++ends;
               }});
  ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
  EXPECT_THAT(ingestor_->DeleteDocument("c", "a"), IsOk());
  EXPECT_THAT(jobs().Finish(lease.id, ReadingOf(lease)), StatusIs(absl::StatusCode::kAborted));
  const RemoteMember member = {
      .path = {"m"}, .content_hash = lease.task.document.content_hash, .bytes = 1};
  EXPECT_THAT(jobs().PutMember(lease.id, member, ReadingOf(lease).write),
              StatusIs(absl::StatusCode::kAborted));
  jobs().Sweep();
  EXPECT_THAT(corpus_->GetDocument("c", "a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(StateOf(lease.job.id), JobState::kFailed);
  // Its place is free again.
  Submit("a");
  for (int i = 0; i < 500 && ends == 0; ++i) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_EQ(ends, 1);
  EXPECT_THAT(Take(), IsOk());
}

TEST_F(RemoteJobsTest, MembersAreStoredAsTheyComeAndGoWithANewerVersion) {
  Submit("box");
  ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
  const RemoteMember member = {
      .path = {"m.txt"}, .content_hash = lease.task.document.content_hash, .bytes = 9};
  ASSERT_OK_AND_ASSIGN(const bool before, jobs().HoldsMember(lease.id, member));
  EXPECT_FALSE(before);
  ASSERT_OK_AND_ASSIGN(const MemberEnd end,
                       jobs().PutMember(lease.id, member, ReadingOf(lease).write));
  EXPECT_THAT(end.status, IsOk());
  ASSERT_OK_AND_ASSIGN(const bool after, jobs().HoldsMember(lease.id, member));
  EXPECT_TRUE(after);
  ASSERT_OK_AND_ASSIGN(const index::Document of_member,
                       RemoteMemberDocument(lease.task.document, member));
  EXPECT_EQ(corpus_->GetDocument("c", of_member.id)->source, "box!/m.txt");
  // A member of another kind ends the lease.
  EXPECT_THAT(jobs().HoldsMember(lease.id, {.path = {}, .content_hash = "", .bytes = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(jobs().Renew(lease.id, std::nullopt), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(RemoteJobsTest, AServerThatStopsTakesJobsBackAndTheNextOneGivesThemOut) {
  const std::string job = Submit("a");
  ASSERT_OK_AND_ASSIGN(const Lease lease, Take());
  ingestor_->Drain(absl::Now() + absl::Seconds(30));
  EXPECT_EQ(StateOf(job), JobState::kQueued);
  EXPECT_THAT(Take(), StatusIs(absl::StatusCode::kUnavailable));
  ingestor_.reset();
  Make();
  EXPECT_THAT(jobs().Finish(lease.id, ReadingOf(lease)), StatusIs(absl::StatusCode::kAborted));
  ASSERT_OK_AND_ASSIGN(const Lease again, Take());
  EXPECT_EQ(again.job.id, job);
  EXPECT_THAT(jobs().Finish(again.id, ReadingOf(again)), IsOk());
}

TEST_F(RemoteJobsTest, ManyWorkersHoldEachJobOnce) {
  constexpr int kJobs = 60;
  for (int i = 0; i < kJobs; ++i) Submit(absl::StrCat("doc", i));
  std::atomic<int> done{0};
  std::vector<std::thread> workers;
  for (int w = 0; w < 6; ++w) {
    workers.emplace_back([&, w] {
      while (true) {
        const auto lease = Take(absl::StrCat(w));
        if (!lease.ok()) return;
        EXPECT_THAT(jobs().Renew(lease->id, Progress{}), IsOk());
        EXPECT_THAT(jobs().Finish(lease->id, ReadingOf(*lease)), IsOk());
        ++done;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(done, kJobs);
  EXPECT_EQ(ingestor_->counters().indexed, kJobs);
  EXPECT_EQ(corpus_->Stats("c")->documents, kJobs);
}

}  // namespace
}  // namespace sightline::ingest
