#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;

class CorpusJobsTest : public CorpusFixture {
 protected:
  Job MakeJob(const std::string& id, int created_seconds, JobState state = JobState::kQueued) {
    Job job;
    job.id = id;
    job.collection = "c";
    job.created = absl::FromUnixSeconds(created_seconds);
    job.state = state;
    return job;
  }
  std::vector<std::string> List(const std::string& collection, std::optional<JobState> state) {
    std::vector<std::string> ids;
    std::string token;
    do {
      auto page = corpus_->ListJobs(collection, state, 2, token);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) break;
      for (const Job& job : page->items) ids.push_back(job.id);
      token = page->next_token;
    } while (!token.empty());
    return ids;
  }
};

TEST_F(CorpusJobsTest, KeepsEveryFieldOverAReopen) {
  Job job = MakeJob("j", 5, JobState::kFailed);
  job.document_id = "d";
  job.source = "s3://x";
  job.spool_path = "spool/1";
  job.options_json = R"({"force":true})";
  job.attempts = 3;
  job.failures = {{2, "encrypted", "m"}};
  job.updated = absl::FromUnixSeconds(9);
  ASSERT_THAT(corpus_->PutJob(job), IsOk());
  Reopen();
  ASSERT_OK_AND_ASSIGN(const Job read, corpus_->GetJob("j"));
  EXPECT_EQ(read.document_id, "d");
  EXPECT_EQ(read.spool_path, "spool/1");
  EXPECT_EQ(read.options_json, R"({"force":true})");
  EXPECT_EQ(read.state, JobState::kFailed);
  EXPECT_EQ(read.attempts, 3);
  EXPECT_EQ(read.failures[0].reason, "encrypted");
  EXPECT_EQ(read.updated, absl::FromUnixSeconds(9));
  EXPECT_THAT(corpus_->GetJob("other"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(corpus_->GetJob(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CorpusJobsTest, ListsNewestFirstByCollectionAndState) {
  for (int i = 0; i < 5; ++i) {
    Job job = MakeJob("j" + std::to_string(i), i, i % 2 == 0 ? JobState::kDone : JobState::kQueued);
    if (i == 4) job.collection = "other";
    ASSERT_THAT(corpus_->PutJob(job), IsOk());
  }
  EXPECT_THAT(List("", std::nullopt), ElementsAre("j4", "j3", "j2", "j1", "j0"));
  EXPECT_THAT(List("c", std::nullopt), ElementsAre("j3", "j2", "j1", "j0"));
  EXPECT_THAT(List("c", JobState::kDone), ElementsAre("j2", "j0"));
  // A changed job moves to no second place, also when its time changes.
  ASSERT_THAT(corpus_->PutJob(MakeJob("j0", 100, JobState::kRunning)), IsOk());
  EXPECT_THAT(List("", std::nullopt), ElementsAre("j0", "j4", "j3", "j2", "j1"));
  ExpectSound();
}

TEST_F(CorpusJobsTest, AJobInADocumentsWriteIsStoredWithIt) {
  DocumentWrite write = OnePassage("a", "x", 1);
  write.job = MakeJob("j", 1, JobState::kDone);
  Put(write);
  ASSERT_OK_AND_ASSIGN(const Job job, corpus_->GetJob("j"));
  EXPECT_EQ(job.state, JobState::kDone);
  // A refused document leaves its job alone.
  write.job->state = JobState::kFailed;
  write.passages[0].vector = {1, 2};
  EXPECT_THAT(corpus_->PutDocument(write), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(corpus_->GetJob("j")->state, JobState::kDone);
}

}  // namespace
}  // namespace sightline::index
