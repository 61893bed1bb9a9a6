// How fast the index answers, against what the machine's memory and FAISS allow in the same run.
// Usage: index_bench [--rows N] [--dimension D] [--seconds S] [--graph | --grow]. Figures as JSON
// on standard output. --grow: of a collection whose segments are built and joined while it grows.

#include <faiss/IndexFlat.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "index/corpus.h"
#include "index/vector_kernels.h"
#include "index/vector_rows.h"
#include "tests/support/clustered_vectors.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

struct Settings {
  int rows = 100'000;
  int dimension = 1024;
  double seconds = 3;  // of each timing
  bool graph = false;
  bool grow = false;
};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void Fail(const absl::Status& status) {
  std::cerr << "index_bench: " << status << "\n";
  std::exit(1);
}

// Texts of words whose frequencies fall as in natural language.
std::string Text(std::mt19937& random) {
  std::string out;
  for (int i = 0; i < 60; ++i) {
    const double u = std::uniform_real_distribution<double>()(random);
    absl::StrAppend(&out, "w", static_cast<int>(std::pow(50'000.0, u)), " ");
  }
  return out;
}

// Calls `once` for a while; the milliseconds each call took, ascending.
std::vector<double> Time(double seconds, const std::function<void()>& once) {
  once();
  std::vector<double> times;
  for (const auto start = Clock::now(); SecondsSince(start) < seconds || times.size() < 5;) {
    const auto begin = Clock::now();
    once();
    times.push_back(1000 * SecondsSince(begin));
  }
  std::sort(times.begin(), times.end());
  return times;
}

Json Summary(const std::vector<double>& times) {
  return {{"p50_ms", times[times.size() / 2]},
          {"p95_ms", times[times.size() * 95 / 100]},
          {"calls", times.size()}};
}

// Bytes a second that one thread reads in order.
double MemoryBandwidth(double seconds) {
  std::vector<uint64_t> memory((256 << 20) / sizeof(uint64_t), 1);
  volatile uint64_t sink = 0;
  const auto times = Time(seconds, [&] {
    uint64_t sums[8] = {};
    for (size_t i = 0; i < memory.size(); i += 8) {
      for (int j = 0; j < 8; ++j) sums[j] += memory[i + j];
    }
    sink = std::accumulate(sums, sums + 8, uint64_t{0});
  });
  return static_cast<double>(memory.size() * sizeof(uint64_t)) / (times[times.size() / 2] / 1000);
}

class Bench {
 public:
  explicit Bench(const Settings& settings)
      : settings_(settings), vectors_(settings.dimension, 2000, 1) {
    for (int i = 0; i < 64; ++i) queries_.push_back(vectors_.Next());
    auto folder = TempDir::Create("index-bench");
    if (!folder.ok()) Fail(folder.status());
    folder_ = *std::move(folder);
    options_.path = folder_->path() + "/data";
    options_.exact_below = settings.rows + 1;
    options_.build_threads = static_cast<int>(std::thread::hardware_concurrency());
  }

  Json Run() {
    omp_set_num_threads(1);
    Json out = {{"rows", settings_.rows},
                {"dimension", settings_.dimension},
                {"kernels", BestKernels().name}};
    out["load"] = Load();
    const double bandwidth = MemoryBandwidth(settings_.seconds);
    out["memory_bytes_per_second"] = bandwidth;
    out["faiss_flat"] = Summary(FaissFlat());
    const auto exact = Dense();
    out["exact"] = Summary(exact);
    const double bytes = static_cast<double>(settings_.rows) * settings_.dimension * 2;
    out["exact"]["share_of_memory_bandwidth"] =
        bytes / (exact[exact.size() / 2] / 1000) / bandwidth;
    out["exact"]["times_faiss_flat"] =
        out["faiss_flat"]["p50_ms"].get<double>() / exact[exact.size() / 2];
    out["exact"]["queries_per_second_all_cores"] = Throughput();
    out["lexical"] = Summary(Lexical());
    out["reopen_seconds"] = Reopen();
    if (settings_.graph) out["graph"] = Graph();
    return out;
  }

  Json Grow() {
    omp_set_num_threads(1);
    options_.exact_below = CorpusOptions().exact_below;
    options_.build_threads = 0;
    Json out = {{"rows", settings_.rows}, {"dimension", settings_.dimension}};
    out["load"] = Load();
    out["search_right_after"] = Summary(Dense());
    const auto start = Clock::now();
    corpus_->WaitForUpkeep();
    out["upkeep_goes_on_seconds"] = SecondsSince(start);
    out["search"] = Summary(Dense());
    int found = 0;
    for (const auto& vector : queries_) {
      // Passages are numbered from 1 as they were added.
      float distances[10];
      int64_t labels[10];
      flat_->search(1, vector.data(), 10, distances, labels);
      std::set<uint32_t> truth;
      for (const int64_t label : labels) truth.insert(static_cast<uint32_t>(label) + 1);
      for (const uint64_t id : TopTen(vector)) {
        found += static_cast<int>(truth.count(static_cast<uint32_t>(id)));
      }
    }
    out["recall_at_10"] = found / (10.0 * static_cast<double>(queries_.size()));
    const SearchResult sample = Search(Query(FusionMode::kDense));
    if (sample.recall.has_value()) out["estimated_recall"] = *sample.recall;
    out["reopen_seconds"] = Reopen();
    Json segments = Json::array();
    for (const auto& file : fs::recursive_directory_iterator(options_.path + "/index")) {
      if (file.path().filename() != "rows") continue;
      segments.push_back(file.file_size() /
                         VectorRows::FileRowBytes(VectorCodes::kFloat16, settings_.dimension));
    }
    out["rows_of_segments"] = segments;
    return out;
  }

 private:
  void Open() {
    corpus_.reset();
    auto corpus = Corpus::Open(options_);
    if (!corpus.ok()) Fail(corpus.status());
    corpus_ = *std::move(corpus);
  }

  Json Load() {
    Open();
    const auto created = corpus_->CreateCollection("bench", "none", settings_.dimension);
    if (!created.ok()) Fail(created.status());
    flat_ = std::make_unique<faiss::IndexFlatIP>(settings_.dimension);
    std::mt19937 random(2);
    double seconds = 0;
    for (int done = 0; done < settings_.rows;) {
      DocumentWrite write;
      write.document.id = absl::StrCat("d", done);
      write.document.collection = "bench";
      write.document.metadata_json = absl::StrCat("{\"part\":", done / 100, "}");
      for (int i = 0; i < 100 && done < settings_.rows; ++i, ++done) {
        write.passages.emplace_back();
        write.passages.back().passage.text = Text(random);
        write.passages.back().vector = vectors_.Next();
        flat_->add(1, write.passages.back().vector.data());
      }
      const auto start = Clock::now();
      const auto stored = corpus_->PutDocument(std::move(write));
      seconds += SecondsSince(start);
      if (!stored.ok()) Fail(stored.status());
    }
    return {{"seconds", seconds}, {"passages_per_second", settings_.rows / seconds}};
  }

  SearchQuery Query(FusionMode mode) {
    SearchQuery query;
    query.collection = "bench";
    query.mode = mode;
    query.k = 10;
    query.vector = queries_[next_++ % queries_.size()];
    query.text = absl::StrCat("w1 w", 10 + next_ % 10, " w", 1000 + next_ % 997);
    return query;
  }
  SearchResult Search(const SearchQuery& query) {
    auto result = corpus_->Search(query);
    if (!result.ok()) Fail(result.status());
    return *std::move(result);
  }

  std::vector<double> Dense() {
    return Time(settings_.seconds, [&] { Search(Query(FusionMode::kDense)); });
  }
  std::vector<double> Lexical() {
    return Time(settings_.seconds, [&] { Search(Query(FusionMode::kLexical)); });
  }
  std::vector<double> FaissFlat() {
    float distances[100];
    int64_t labels[100];
    return Time(settings_.seconds, [&] {
      flat_->search(1, queries_[next_++ % queries_.size()].data(), 100, distances, labels);
    });
  }

  double Throughput() {
    const int threads = static_cast<int>(std::thread::hardware_concurrency());
    std::vector<std::thread> workers;
    std::vector<int64_t> counts(threads, 0);
    const auto start = Clock::now();
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        SearchQuery query;
        query.collection = "bench";
        query.mode = FusionMode::kDense;
        query.vector = queries_[t];
        while (SecondsSince(start) < settings_.seconds) {
          Search(query);
          ++counts[t];
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    return static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0})) /
           SecondsSince(start);
  }

  double Reopen() {
    corpus_.reset();  // writes the snapshot, which is not timed
    const auto start = Clock::now();
    Open();
    return SecondsSince(start);
  }

  Json Graph() {
    std::vector<std::set<uint64_t>> exact;
    for (const auto& vector : queries_) exact.push_back(TopTen(vector));
    options_.exact_below = 1000;
    const auto start = Clock::now();
    Open();
    corpus_->WaitForUpkeep();
    Json out = {{"build_seconds", SecondsSince(start)}};
    int found = 0;
    for (size_t i = 0; i < queries_.size(); ++i) {
      for (const uint64_t id : TopTen(queries_[i])) found += static_cast<int>(exact[i].count(id));
    }
    out["recall_at_10"] = found / (10.0 * static_cast<double>(queries_.size()));
    const SearchResult sample = Search(Query(FusionMode::kDense));
    if (sample.recall.has_value()) out["estimated_recall"] = *sample.recall;
    out.update(Summary(Dense()));
    out["queries_per_second_all_cores"] = Throughput();
    return out;
  }

  std::set<uint64_t> TopTen(const std::vector<float>& vector) {
    SearchQuery query = Query(FusionMode::kDense);
    query.vector = vector;
    std::set<uint64_t> ids;
    for (const Hit& hit : Search(query).hits) ids.insert(hit.passage.id);
    return ids;
  }

  const Settings settings_;
  testing::ClusteredVectors vectors_;
  std::vector<std::vector<float>> queries_;
  std::unique_ptr<TempDir> folder_;
  CorpusOptions options_;
  std::unique_ptr<Corpus> corpus_;
  std::unique_ptr<faiss::IndexFlatIP> flat_;
  size_t next_ = 0;
};

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    bool good = true;
    if (flag == "--graph") {
      settings.graph = true;
      continue;
    }
    if (flag == "--grow") {
      settings.grow = true;
      continue;
    }
    if (flag == "--rows") {
      good = absl::SimpleAtoi(value, &settings.rows) && settings.rows > 0;
    } else if (flag == "--dimension") {
      good = absl::SimpleAtoi(value, &settings.dimension) && settings.dimension > 0;
    } else if (flag == "--seconds") {
      good = absl::SimpleAtod(value, &settings.seconds) && settings.seconds > 0;
    } else {
      good = false;
    }
    if (!good) {
      std::cerr
          << "usage: index_bench [--rows N] [--dimension D] [--seconds S] [--graph | --grow]\n";
      return 2;
    }
    ++i;
  }
  Bench bench(settings);
  std::cout << (settings.grow ? bench.Grow() : bench.Run()).dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace sightline::index

int main(int argc, char** argv) { return sightline::index::Main(argc, argv); }
