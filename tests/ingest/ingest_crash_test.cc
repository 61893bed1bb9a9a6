#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/process.h"
#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using sightline::testing::FakeEncoder;
using sightline::testing::IsOk;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kMediaProgram[] = SIGHTLINE_BIN_DIR "/sightline-media";
constexpr int kRounds = 12;

// What the killed processes said they had accepted.
struct Ledger {
  std::map<std::string, std::string> last_word;  // by document id
  std::set<std::string> jobs;
};

// Runs one child until it has accepted `documents`, then a moment more, and kills it.
void RunAndKill(const std::string& data, int round, int documents, absl::Duration moment,
                Ledger& ledger) {
  ProcessOptions options;
  options.argv = {SIGHTLINE_BIN_DIR "/../tests/ingest_crash_child", data, kMediaProgram,
                  absl::StrCat(round)};
  options.out = ChildStream::kPipe;
  ASSERT_OK_AND_ASSIGN(const auto child, Process::Start(options));
  const auto read = [&]() -> bool {
    const auto line = ReadLine(child->out_fd(), absl::Now() + absl::Seconds(60));
    if (!line.ok()) return false;
    const std::vector<std::string> words = absl::StrSplit(*line, ' ');
    if (words.size() != 3) return false;
    ledger.last_word[words[0]] = words[1];
    ledger.jobs.insert(words[2]);
    return true;
  };
  for (int i = 0; i < documents; ++i) ASSERT_TRUE(read()) << "round " << round;
  absl::SleepFor(moment);
  ASSERT_THAT(child->Signal(SIGKILL), IsOk());
  ASSERT_THAT(child->Wait(), IsOk());
  while (read()) {
  }
}

// Round and number of a child's document text, e.g. "The word is r3i14."
std::pair<int, int> TurnOf(const std::string& text) {
  int round = -1;
  int number = -1;
  EXPECT_EQ(std::sscanf(text.c_str(), "The word is r%di%d.", &round, &number), 2) << text;
  return {round, number};
}

TEST(IngestCrashTest, KillsLoseNothingAcceptedAndRepeatNothing) {
  ASSERT_OK_AND_ASSIGN(const auto dir, TempDir::Create());
  const std::string data = dir->path();
  std::mt19937 random(7);
  Ledger ledger;
  for (int round = 0; round < kRounds; ++round) {
    const int documents = static_cast<int>(random() % 40);
    const auto moment = absl::Milliseconds(static_cast<int>(random() % 30));
    ASSERT_NO_FATAL_FAILURE(RunAndKill(data, round, documents, moment, ledger));
  }
  ASSERT_THAT(ledger.jobs, SizeIs(::testing::Ge(100)));

  index::CorpusOptions corpus_options;
  corpus_options.path = data + "/corpus";
  ASSERT_OK_AND_ASSIGN(const auto corpus, index::Corpus::Open(corpus_options));
  media::MediaOptions media_options;
  media_options.program = kMediaProgram;
  ASSERT_OK_AND_ASSIGN(const auto media, media::MediaClient::Create(media_options));
  FakeEncoder encoder;
  ASSERT_OK_AND_ASSIGN(const auto ingestor,
                       Ingestor::Create({}, data + "/spool", *corpus, encoder, *media));
  ASSERT_THAT(ingestor->Start(), IsOk());
  while (ingestor->counters().waiting + ingestor->counters().running > 0) {
    absl::SleepFor(absl::Milliseconds(5));
  }

  for (const std::string& id : ledger.jobs) {
    ASSERT_OK_AND_ASSIGN(const index::Job job, corpus->GetJob(id));
    EXPECT_EQ(job.state, index::JobState::kDone) << id;
  }
  for (const auto& [id, word] : ledger.last_word) {
    ASSERT_OK_AND_ASSIGN(const index::Document document, corpus->GetDocument("c", id));
    EXPECT_EQ(document.state, index::DocumentState::kIndexed) << id;
    ASSERT_OK_AND_ASSIGN(const auto passages, corpus->DocumentPassages("c", id));
    ASSERT_THAT(passages, SizeIs(1)) << id;
    // A kill may come between the store of a job and the child's line about it, so a document may
    // be further than the ledger says; never behind.
    EXPECT_GE(TurnOf(passages[0].text), TurnOf(absl::StrCat("The word is ", word, "."))) << id;
    index::SearchQuery query;
    query.collection = "c";
    query.text = passages[0].text.substr(12);
    query.mode = index::FusionMode::kLexical;
    ASSERT_OK_AND_ASSIGN(const auto found, corpus->Search(query));
    EXPECT_THAT(found.hits, SizeIs(1)) << id;
  }
  ASSERT_OK_AND_ASSIGN(const auto report, corpus->Fsck());
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(data + "/spool"),
                          std::filesystem::directory_iterator()),
            0);
}

}  // namespace
}  // namespace sightline::ingest
