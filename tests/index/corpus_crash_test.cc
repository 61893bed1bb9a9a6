#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/index/corpus_fixture.h"

// Kills a writing process again and again, without warning, and looks whether what it had
// acknowledged is there and what it had deleted is gone. This process itself never opens a corpus:
// its children do, so that each is forked from a process without threads.

namespace sightline::index {
namespace {

constexpr int kIds = 12;
constexpr int kRounds = 24;

CorpusOptions Options(const std::string& path) {
  CorpusOptions options;
  options.path = path;
  options.min_free_bytes = 0;
  options.exact_below = 30;  // graphs, merges and snapshots are in the way of the kill too
  options.head_limit = 10;
  options.hnsw_links = 4;
  return options;
}

// What the ledger says of one document: content number `value`, 0 = deleted; `begun` may or may not
// have been done when the process died.
struct Known {
  int64_t value = 0;
  std::optional<int64_t> begun;
};

DocumentWrite Content(int id, int64_t value) {
  DocumentWrite write = OnePassage("d" + std::to_string(id), "", 0);
  write.document.content_hash = std::to_string(value);
  write.passages.clear();
  const std::string bytes = "picture " + std::to_string(value % 5);
  write.blobs = {{ContentHash(bytes), bytes, "image/png", 1, 1}};
  for (int i = 0; i < 1 + static_cast<int>(value % 4); ++i) {
    write.passages.push_back(TextPassage(absl::StrCat("value", value, " part", i),
                                         static_cast<uint32_t>(value * 10 + i)));
    write.passages.back().passage.blob_hash = write.blobs[0].hash;
  }
  Job job;
  job.id = "job" + std::to_string(id);
  job.options_json = std::to_string(value);
  write.job = job;
  return write;
}

// Appends one line to the ledger, with one write call.
void Note(int ledger, const std::string& line) {
  if (::write(ledger, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(3);
}

// Writes until it is killed. The ledger's lines: "begin id value", then "done id value".
[[noreturn]] void WriteForEver(const std::string& path, const std::string& ledger_path,
                               uint32_t seed) {
  const int ledger = ::open(ledger_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  auto corpus = Corpus::Open(Options(path));
  if (!corpus.ok()) {
    std::cerr << corpus.status() << "\n";
    ::_exit(2);
  }
  if (!(*corpus)->GetCollection("c").ok() &&
      !(*corpus)->CreateCollection("c", "model", kTestDimension).ok()) {
    ::_exit(2);
  }
  std::mt19937 random(seed);
  for (int64_t value = seed * int64_t{100'000} + 1;; ++value) {
    const int id = static_cast<int>(random() % kIds);
    const bool deletes = random() % 4 == 0;
    Note(ledger, absl::StrCat("begin ", id, " ", deletes ? 0 : value, "\n"));
    if (deletes) {
      const auto deleted = (*corpus)->DeleteDocument("c", "d" + std::to_string(id));
      if (!deleted.ok() && !absl::IsNotFound(deleted.status())) ::_exit(2);
    } else if (!(*corpus)->PutDocument(Content(id, value)).ok()) {
      ::_exit(2);
    }
    Note(ledger, absl::StrCat("done ", id, " ", deletes ? 0 : value, "\n"));
    if (random() % 40 == 0) (*corpus)->Snapshot("c").IgnoreError();
    if (random() % 80 == 0) (*corpus)->Rebuild("c").IgnoreError();
  }
}

std::map<int, Known> ReadLedger(const std::string& path) {
  std::map<int, Known> known;
  std::ifstream in(path);
  std::string what;
  int id = 0;
  int64_t value = 0;
  while (in >> what >> id >> value) {
    if (what == "begin") {
      known[id].begun = value;
    } else {
      known[id] = {value, std::nullopt};
    }
  }
  return known;
}

void Fault(int& faults, const std::string& what) {
  std::cerr << what << "\n";
  ++faults;
}

// Everything that can be asked about a document must tell the same story. Returns its content
// number.
int64_t Story(Corpus& corpus, int id, int& faults) {
  const std::string name = "d" + std::to_string(id);
  const auto document = corpus.GetDocument("c", name);
  if (!document.ok()) {
    if (!absl::IsNotFound(document.status())) Fault(faults, document.status().ToString());
    return 0;
  }
  int64_t value = 0;
  if (!absl::SimpleAtoi(document->content_hash, &value)) Fault(faults, "content of " + name);
  const DocumentWrite content = Content(id, value);
  const auto passages = corpus.DocumentPassages("c", name);
  if (!passages.ok() || passages->size() != content.passages.size()) {
    Fault(faults, "passages of " + name);
    return value;
  }
  for (size_t i = 0; i < passages->size(); ++i) {
    if ((*passages)[i].text != content.passages[i].passage.text) Fault(faults, "text of " + name);
    const auto nearest = corpus.Search(DenseQuery(content.passages[i].vector, 1));
    if (!nearest.ok() || nearest->hits.empty() ||
        nearest->hits[0].passage.id != (*passages)[i].id) {
      Fault(faults, "vector of " + name);
    }
  }
  const auto found = corpus.Search(TextQuery(absl::StrCat("value", value)));
  if (!found.ok() || found->hits.size() != passages->size()) Fault(faults, "words of " + name);
  if (!corpus.GetBlob(content.blobs[0].hash).ok()) Fault(faults, "picture of " + name);
  const auto job = corpus.GetJob("job" + std::to_string(id));
  if (!job.ok() || job->options_json != document->content_hash) Fault(faults, "job of " + name);
  return value;
}

// Runs in a child; its exit code says whether all was well.
int Verify(const std::string& path, const std::string& ledger_path) {
  int faults = 0;
  auto corpus = Corpus::Open(Options(path));
  if (!corpus.ok()) {
    Fault(faults, corpus.status().ToString());
    return faults;
  }
  if (!(*corpus)->GetCollection("c").ok()) return std::filesystem::file_size(ledger_path) > 0;
  for (const auto& [id, known] : ReadLedger(ledger_path)) {
    const int64_t value = Story(**corpus, id, faults);
    if (value != known.value && value != known.begun) {
      Fault(faults, absl::StrCat("d", id, " is ", value, ", acknowledged ", known.value));
    }
  }
  const auto report = (*corpus)->Fsck();
  if (!report.ok()) Fault(faults, report.status().ToString());
  if (report.ok()) {
    for (const std::string& problem : report->problems) Fault(faults, problem);
  }
  return faults;
}

// What is stored now, as the next round's ledger starts.
void StartLedger(const std::string& path, const std::string& ledger_path) {
  auto corpus = Corpus::Open(Options(path));
  if (!corpus.ok() || !(*corpus)->GetCollection("c").ok()) return;
  std::ofstream out(ledger_path, std::ios::trunc);
  int faults = 0;
  for (int id = 0; id < kIds; ++id) {
    out << "done " << id << " " << Story(**corpus, id, faults) << "\n";
  }
}

template <typename Body>
pid_t InChild(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::_exit(body());
  }
  return child;
}

TEST(CorpusCrashTest, NothingAcknowledgedIsLostAndNothingDeletedComesBackOverKills) {
  auto folder = TempDir::Create("crash");
  ASSERT_THAT(folder, testing::IsOk());
  const std::string path = (*folder)->path() + "/data";
  const std::string ledger = (*folder)->path() + "/ledger";
  std::ofstream(ledger).flush();
  std::mt19937 random(42);
  int64_t acknowledged = 0;
  for (int round = 0; round < kRounds; ++round) {
    const uint32_t seed = static_cast<uint32_t>(round + 1);
    const pid_t writer = InChild([&]() -> int { WriteForEver(path, ledger, seed); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 400));
    ::kill(writer, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(writer, &status, 0), writer);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer stopped by itself with " << WEXITSTATUS(status);
    std::ifstream in(ledger);
    acknowledged += std::count(std::istreambuf_iterator<char>(in), {}, '\n');
    const pid_t checker = InChild([&] {
      const int faults = Verify(path, ledger);
      if (faults == 0) StartLedger(path, ledger);
      return faults == 0 ? 0 : 1;
    });
    ASSERT_EQ(::waitpid(checker, &status, 0), checker);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "after round " << round;
  }
  // The kills came late enough for writes to have been going on.
  EXPECT_GT(acknowledged, 100);
}

}  // namespace
}  // namespace sightline::index
