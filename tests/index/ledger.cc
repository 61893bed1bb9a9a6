#include "tests/index/ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "tests/index/corpus_fixture.h"

namespace sightline::index {
namespace {

constexpr int kIds = 12;

CorpusOptions Options(const std::string& path) {
  CorpusOptions options;
  options.path = path;
  options.min_free_bytes = 0;
  options.exact_below = 30;  // graphs, merges and snapshots are in the way of a fault too
  options.head_limit = 10;
  options.hnsw_links = 4;
  return options;
}

// How the collection keeps its vectors.
VectorCodes Vectors() {
  static const std::map<std::string, VectorCodes> kNames = {{"f16", VectorCodes::kFloat16},
                                                            {"int8", VectorCodes::kInt8},
                                                            {"binary", VectorCodes::kBinary},
                                                            {"pq", VectorCodes::kPq}};
  const char* const name = std::getenv("SIGHTLINE_VECTORS");
  return kNames.at(name == nullptr ? "f16" : name);
}

// What the ledger says of one document: content number `value`, 0 = deleted; of `begun` any, or
// none, may have been done since.
struct Known {
  int64_t value = 0;
  std::vector<int64_t> begun;

  bool Allows(int64_t found) const {
    return found == value || std::find(begun.begin(), begun.end(), found) != begun.end();
  }
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

// Writes into one corpus and its ledger.
class Writer {
 public:
  Writer(std::string path, const std::string& ledger, uint32_t seed)
      : path_(std::move(path)),
        ledger_(::open(ledger.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644)),
        random_(seed),
        value_(seed * int64_t{100'000}) {}
  ~Writer() { ::close(ledger_); }

  absl::Status Open() {
    corpus_.reset();
    SL_ASSIGN_OR_RETURN(corpus_, Corpus::Open(Options(path_)));
    if (corpus_->GetCollection("c").ok()) return absl::OkStatus();
    return corpus_->CreateCollection("c", "model", kTestDimension, PatchCodes::kNone, Vectors())
        .status();
  }

  absl::Status Step() {
    const int id = static_cast<int>(random_() % kIds);
    const bool deletes = random_() % 4 == 0;
    const int64_t value = deletes ? 0 : ++value_;
    Note("begin", id, value);
    known_[id].begun = {value};
    SL_RETURN_IF_ERROR(deletes ? Delete(id) : corpus_->PutDocument(Content(id, value)).status());
    Note("done", id, value);
    known_[id] = {value, {}};
    // Caches and copies: the corpus does not hang on them.
    if (random_() % 40 == 0) corpus_->Snapshot("c").IgnoreError();
    if (random_() % 80 == 0) corpus_->Rebuild("c").IgnoreError();
    if (random_() % 120 == 0) corpus_->Backup(path_ + "-backups", 2).IgnoreError();
    return absl::OkStatus();
  }

  // The corpus says that it writes no more, writes no more, and reads as before.
  bool IsReadOnly() {
    int faults = 0;
    if (corpus_->Health().ok()) Fault(faults, "a refused write, and all is said to be well");
    if (corpus_->PutDocument(Content(kIds, ++value_)).ok())
      Fault(faults, "a write after a refusal");
    for (const auto& [id, known] : known_) {
      if (!known.Allows(Story(*corpus_, id, faults))) Fault(faults, absl::StrCat("d", id, " lost"));
    }
    return faults == 0;
  }

 private:
  absl::Status Delete(int id) {
    const absl::Status deleted = corpus_->DeleteDocument("c", "d" + std::to_string(id)).status();
    return absl::IsNotFound(deleted) ? absl::OkStatus() : deleted;
  }

  // With one write call.
  void Note(const char* what, int id, int64_t value) {
    const std::string line = absl::StrCat(what, " ", id, " ", value, "\n");
    if (::write(ledger_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(3);
  }

  const std::string path_;
  const int ledger_;
  std::mt19937 random_;
  int64_t value_;
  std::unique_ptr<Corpus> corpus_;
  std::map<int, Known> known_;
};

std::map<int, Known> ReadLedger(const std::string& path, int64_t acknowledged) {
  std::ifstream file(path);
  std::string line;
  std::map<int, Known> known;
  for (int64_t read = 0; std::getline(file, line); read += static_cast<int64_t>(line.size()) + 1) {
    std::istringstream in(line);
    std::string what;
    int id = 0;
    int64_t value = 0;
    if (!(in >> what >> id >> value)) continue;
    if (what == "done" && (acknowledged < 0 || read < acknowledged)) {
      known[id] = {value, {}};
    } else {
      known[id].begun.push_back(value);
    }
  }
  return known;
}

}  // namespace

void WriteForEver(const std::string& path, const std::string& ledger, uint32_t seed) {
  Writer writer(path, ledger, seed);
  absl::Status status = writer.Open();
  while (status.ok()) status = writer.Step();
  std::cerr << status << "\n";
  ::_exit(2);
}

int WriteUntilRefused(const std::string& path, const std::string& ledger, uint32_t seed,
                      int writes) {
  Writer writer(path, ledger, seed);
  for (int session = 0; session < 2; ++session) {
    if (const absl::Status opened = writer.Open(); !opened.ok()) {
      std::cerr << opened << "\n";
      return kNotOpened;
    }
    for (int i = 0; i < writes; ++i) {
      const absl::Status status = writer.Step();
      if (status.ok()) continue;
      std::cerr << status << "\n";
      return absl::IsUnavailable(status) && writer.IsReadOnly() ? kRefused : 2;
    }
  }
  return 0;
}

int VerifyLedger(const std::string& path, const std::string& ledger, int64_t acknowledged) {
  int faults = 0;
  auto corpus = Corpus::Open(Options(path));
  if (!corpus.ok()) {
    Fault(faults, corpus.status().ToString());
    return 1;
  }
  const std::map<int, Known> all = ReadLedger(ledger, acknowledged);
  if (!(*corpus)->GetCollection("c").ok()) {
    // It was never acknowledged that there is one.
    return std::any_of(all.begin(), all.end(),
                       [](const auto& one) { return one.second.value != 0; });
  }
  for (const auto& [id, known] : all) {
    const int64_t value = Story(**corpus, id, faults);
    if (!known.Allows(value)) {
      Fault(faults, absl::StrCat("d", id, " is ", value, ", acknowledged ", known.value));
    }
  }
  const auto report = (*corpus)->Fsck();
  if (!report.ok()) Fault(faults, report.status().ToString());
  if (report.ok()) {
    for (const std::string& problem : report->problems) Fault(faults, problem);
  }
  return faults == 0 ? 0 : 1;
}

void StartLedger(const std::string& path, const std::string& ledger) {
  auto corpus = Corpus::Open(Options(path));
  if (!corpus.ok() || !(*corpus)->GetCollection("c").ok()) return;
  std::ofstream out(ledger, std::ios::trunc);
  int faults = 0;
  for (int id = 0; id < kIds; ++id) {
    out << "done " << id << " " << Story(**corpus, id, faults) << "\n";
  }
}

}  // namespace sightline::index
