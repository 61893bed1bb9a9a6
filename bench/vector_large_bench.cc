// A large collection's vectors through the builder of segments, as a corpus does after a rebuild:
// heads are sealed as segments without a graph, then these are joined into one with a graph.
// Usage: vector_large_bench FOLDER [--rows N] [--dimension D] [--links M] [--build-beam B]
// FOLDER must not exist; it is removed at the end. Two times the vectors' half floats lie in it for
// a while. Figures as JSON on standard output, progress on standard error.

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "bench/process_use.h"
#include "bench/vector_source.h"
#include "index/background_thread.h"
#include "index/segment_builder.h"
#include "index/vector_kernels.h"
#include "index/vector_search.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int kHeadRows = 16'384;  // as a corpus seals
constexpr int kQueries = 1000;
constexpr int kK = 10;

struct Settings {
  std::string folder;
  int64_t rows = 1'000'000;
  int dimension = 1024;
  int links = 16;
  int build_beam = 128;
};

[[noreturn]] void Fail(const std::string& why) {
  std::cerr << "vector_large_bench: " << why << "\n";
  std::exit(1);
}

double Now() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

// The most memory of each kind while it lives, looked at ten times a second.
class PeakMemory {
 public:
  ~PeakMemory() { Stop(); }
  Json Stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
    return {{"anonymous", anonymous_}, {"mapped", mapped_}, {"both", both_}};
  }

 private:
  void Watch() {
    while (!done_) {
      const double anonymous = ResidentBytes("RssAnon");
      const double mapped = ResidentBytes("RssFile");
      anonymous_ = std::max(anonymous_, anonymous);
      mapped_ = std::max(mapped_, mapped);
      both_ = std::max(both_, anonymous + mapped);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  double anonymous_ = 0;
  double mapped_ = 0;
  double both_ = 0;
  std::atomic<bool> done_{false};
  std::thread thread_{[this] { Watch(); }};
};

class Bench {
 public:
  explicit Bench(Settings settings) : settings_(std::move(settings)), source_(settings_.dimension) {
    place_ = {settings_.folder, {1, settings_.dimension, "bench"}, true};
    options_.links = settings_.links;
    options_.build_beam = settings_.build_beam;
    options_.threads = ThreadsOrAll(0);
  }

  Json Run() {
    Json out = {{"rows", settings_.rows}, {"dimension", settings_.dimension}};
    PeakMemory peak;
    const std::vector<SegmentPtr> heads = SealHeads();
    const double start = Now();
    const double cpu = CpuSeconds();
    SegmentPtr segment = Build(heads);
    out["build_seconds"] = Now() - start;
    out["build_cpu_seconds"] = CpuSeconds() - cpu;
    out["build_peak_bytes"] = peak.Stop();
    out["estimated_recall"] = segment->graph->recall();
    out["bytes_per_vector"]["links"] = segment->graph->LinkBytes();
    view_.segments = {std::move(segment)};
    view_.counters.vectors = settings_.rows;
    std::cerr << "built: " << out.dump() << "\n";
    MakeQueries();
    out["exact_scan"] = Exact();
    for (int beam = 16; beam <= 1024; beam += beam / 4) {
      const Json found = Search(beam);
      std::cerr << found.dump() << "\n";
      out["beams"].push_back(found);
      if (found["recall_at_10"] >= 0.995) break;
    }
    return out;
  }

  // After what Run's builder held is gone.
  Json Memory() const {
    const auto rows = static_cast<double>(settings_.rows);
    return {{"anonymous", ResidentBytes("RssAnon") / rows},
            {"mapped", ResidentBytes("RssFile") / rows},
            {"files", FileBytes() / rows}};
  }

 private:
  std::vector<SegmentPtr> SealHeads() {
    std::vector<SegmentPtr> heads;
    std::vector<float> vector(settings_.dimension);
    for (int64_t row = 0; row < settings_.rows;) {
      VectorRows head(settings_.dimension);
      const int64_t end = std::min<int64_t>(row + kHeadRows, settings_.rows);
      for (; row < end; ++row) {
        source_.Next(vector.data());
        head.Append(static_cast<uint32_t>(row) + 1, ToHalf(vector).data());
        all_.Insert(static_cast<uint32_t>(row) + 1);
      }
      heads.push_back(Must(BuildSegment({{std::move(head)}, all_, nullptr, false}, place_, options_,
                                        [] { return false; })));
      std::cerr << row << " vectors made\n";
    }
    return heads;
  }

  SegmentPtr Build(const std::vector<SegmentPtr>& heads) {
    SegmentParts parts = {{}, all_, nullptr};
    for (const SegmentPtr& head : heads) parts.rows.push_back(head->rows);
    SegmentPtr segment = Must(BuildSegment(parts, place_, options_, [] { return false; }));
    const absl::Status removed = RemoveSegmentsBut(place_.folder, {segment->number});
    if (!removed.ok()) Fail(removed.ToString());
    return segment;
  }

  static SegmentPtr Must(absl::StatusOr<SegmentPtr> built) {
    if (!built.ok()) Fail(built.status().ToString());
    if ((*built)->number == 0) Fail("a segment was not written");
    return *std::move(built);
  }

  void MakeQueries() {
    for (int i = 0; i < kQueries; ++i) {
      queries_.emplace_back(settings_.dimension);
      source_.Next(queries_.back().data());
    }
  }

  struct Pass {
    std::vector<VectorSearchResult> found;
    Json times;
  };
  Pass SearchAll(const VectorSearchOptions& options) {
    Pass pass;
    std::vector<double> wall;
    std::vector<double> cpu;
    for (const std::vector<float>& query : queries_) {
      const double start = Now();
      const double cpu_start = ThreadCpuSeconds();
      auto found = SearchVectors(view_, query, all_, kK, options, absl::InfiniteFuture());
      cpu.push_back(1000 * (ThreadCpuSeconds() - cpu_start));
      wall.push_back(1000 * (Now() - start));
      if (!found.ok()) Fail(found.status().ToString());
      pass.found.push_back(*std::move(found));
    }
    const auto at = [](std::vector<double>& values, double share) {
      std::sort(values.begin(), values.end());
      return values[static_cast<size_t>(share * static_cast<double>(values.size()))];
    };
    pass.times = {{"p50_ms", at(wall, 0.5)},
                  {"p99_ms", at(wall, 0.99)},
                  {"cpu_p50_ms", at(cpu, 0.5)},
                  {"cpu_p99_ms", at(cpu, 0.99)}};
    return pass;
  }

  Json Exact() {
    Pass pass = SearchAll({.exact_below = INT64_MAX});
    for (const VectorSearchResult& found : pass.found) least_.push_back(found.hits.back().score);
    return pass.times;
  }

  Json Search(int beam) {
    const VectorSearchOptions options = {.exact_below = 0, .beam = beam};
    SearchAll(options);  // brings in the half floats
    Pass pass = SearchAll(options);
    int right = 0;
    for (int i = 0; i < kQueries; ++i) {
      for (const ScoredPassage& hit : pass.found[i].hits) right += hit.score >= least_[i];
    }
    pass.times["beam"] = beam;
    pass.times["recall_at_10"] = right / static_cast<double>(kQueries * kK);
    return pass.times;
  }

  double FileBytes() const {
    double bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(settings_.folder)) {
      if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
    }
    return bytes;
  }

  const Settings settings_;
  VectorSource source_;
  SegmentPlace place_;
  HnswOptions options_;
  PassageSet all_;
  View view_;
  std::vector<std::vector<float>> queries_;
  std::vector<float> least_;  // score of each query's true tenth
};

int Main(int argc, char** argv) {
  Settings settings;
  bool good = argc >= 2 && argc % 2 == 0;
  if (good) settings.folder = argv[1];
  for (int i = 2; good && i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    const std::string value = argv[i + 1];
    if (flag == "--rows") {
      good = absl::SimpleAtoi(value, &settings.rows) && settings.rows >= kQueries;
    } else if (flag == "--dimension") {
      good = absl::SimpleAtoi(value, &settings.dimension) && settings.dimension > 0;
    } else if (flag == "--links") {
      good = absl::SimpleAtoi(value, &settings.links) && settings.links > 1;
    } else if (flag == "--build-beam") {
      good = absl::SimpleAtoi(value, &settings.build_beam) && settings.build_beam > 0;
    } else {
      good = false;
    }
  }
  if (!good || fs::exists(settings.folder)) {
    std::cerr << "usage: vector_large_bench FOLDER [--rows N] [--dimension D] [--links M] "
                 "[--build-beam B], where FOLDER does not exist yet\n";
    return 2;
  }
  Json out;
  {
    Bench bench(settings);
    out = bench.Run();
    out["bytes_per_vector"].update(bench.Memory());
  }
  fs::remove_all(settings.folder);
  std::cout << out.dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace sightline::index

int main(int argc, char** argv) { return sightline::index::Main(argc, argv); }
