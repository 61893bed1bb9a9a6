// Vector search for bench/vector_bench.mjs, which runs it beside other libraries.
// Usage: vector_bench data FOLDER [ROWS]          makes vectors, queries and true answers
//        vector_bench serve FOLDER KEEP [KIND]  measures what it reads line by line
//        vector_bench segments FOLDER KEEP  measures 1, 2, 4 and 8 segments of as many rows
// Segments are kept in the folder KEEP. KIND is how a collection keeps its vectors: f16, int8,
// binary or pq; or `memory`, where half floats are not mapped from there.
// Lines: "search BEAM THREADS", "exact THREADS", "scan THREADS", "read THREADS", "filter PERCENT
// KIND" with a kind of random, near or far. Answers are JSON, one line each.

#include <faiss/IndexFlat.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bench/process_use.h"
#include "bench/vector_source.h"
#include "index/page_block.h"
#include "index/segment_builder.h"
#include "index/segment_files.h"
#include "index/stored_vector.h"
#include "index/vector_search.h"

namespace sightline::index {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int kDimension = 1024;
constexpr int kQueries = 1000;
constexpr int kTrue = 100;  // true answers kept of a query
constexpr int kK = 10;

double Now() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

[[noreturn]] void Fail(const std::string& why) {
  std::cerr << "vector_bench: " << why << "\n";
  std::exit(1);
}

template <typename T>
std::vector<T> ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) Fail("cannot read " + path);
  std::vector<T> out(static_cast<size_t>(file.tellg()) / sizeof(T));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(out.data()),
            static_cast<std::streamsize>(out.size() * sizeof(T)));
  return out;
}

template <typename T>
void WriteAll(const std::string& path, const T* values, size_t n) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values), static_cast<std::streamsize>(n * sizeof(T)));
  if (!file.flush()) Fail("cannot write " + path);
}

void MakeData(const std::string& folder, int rows) {
  std::vector<float> vectors(static_cast<size_t>(rows + kQueries) * kDimension);
  VectorSource source(kDimension);
  for (size_t at = 0; at < vectors.size(); at += kDimension) source.Next(&vectors[at]);
  const float* const queries = &vectors[static_cast<size_t>(rows) * kDimension];
  faiss::IndexFlatIP flat(kDimension);
  flat.add(rows, vectors.data());
  std::vector<float> scores(static_cast<size_t>(kQueries) * kTrue);
  std::vector<int64_t> found(scores.size());
  flat.search(kQueries, queries, kTrue, scores.data(), found.data());
  const std::vector<int32_t> answers(found.begin(), found.end());
  WriteAll(folder + "/base.f32", vectors.data(), static_cast<size_t>(rows) * kDimension);
  WriteAll(folder + "/query.f32", queries, static_cast<size_t>(kQueries) * kDimension);
  WriteAll(folder + "/true.i32", answers.data(), answers.size());
}

class Server {
 public:
  // `segments` of them, kept in the folder `keep`.
  Server(const std::string& folder, const std::string& keep, int segments, bool map,
         VectorCodes codes = VectorCodes::kFloat16)
      : queries_(ReadAll<float>(folder + "/query.f32")),
        true_(ReadAll<int32_t>(folder + "/true.i32")) {
    const double before = ResidentBytes("RssAnon");
    MakeSegments(folder + "/base.f32",
                 {absl::StrCat(keep, "/", segments), {1, kDimension, "bench", codes}, map},
                 segments);
    double recall = 0;
    double links = 0;
    double code = 0;
    for (const SegmentPtr& segment : view_.segments) {
      const VectorRows& rows = segment->rows;
      for (int64_t row = 0; row < rows.size(); ++row) all_.Insert(rows.passage(row));
      const bool graph = segment->graph != nullptr;
      recall += (graph ? segment->graph->recall() : segment->compact->recall()) / segments;
      links += graph ? segment->graph->LinkBytes() / segments : 0;
      code += rows.has_codes() ? static_cast<double>(CodeStride(kDimension) + sizeof(RowHead))
                               : static_cast<double>(segment->compact->MemoryBytes()) /
                                         static_cast<double>(rows.size()) +
                                     sizeof(uint32_t);
    }
    code /= segments;
    view_.counters.vectors = view_.rows();
    about_["kernels"] = BestCodeKernels().name;
    about_["segments"] = segments;
    about_["mapped"] = map && KeepsHalves(codes);
    about_["estimated_recall"] = recall;
    about_["bytes_per_vector"] = {
        {"code", code},
        {"graph", links},
        {"stored", StoredVectorBytes(codes, kDimension)},
        {"anonymous", (ResidentBytes("RssAnon") - before) / static_cast<double>(view_.rows())}};
  }

  Json Answer(const std::string& line) {
    std::istringstream in(line);
    std::string what;
    in >> what;
    if (what == "search") {
      int beam = 0;
      int threads = 0;
      in >> beam >> threads;
      return Search({.exact_below = 0, .beam = beam}, threads);
    }
    int threads = 0;
    if (what == "exact" && in >> threads) return Search({.exact_below = INT64_MAX}, threads);
    if (what == "scan" && in >> threads) return Scan(threads);
    if (what == "read" && in >> threads) return Read(threads);
    double percent = 0;
    std::string kind;
    if (what == "filter" && in >> percent >> kind) return Filter(percent / 100, kind);
    Fail("unknown line: " + line);
  }
  const Json& about() const { return about_; }
  Json SearchWith(int beam) { return Search({.exact_below = 0, .beam = beam}, 1); }

 private:
  void MakeSegments(const std::string& base, const SegmentPlace& place, int segments) {
    view_.segments = LoadSegments(place.folder, place.identity, place.map);
    if (view_.segments.size() == static_cast<size_t>(segments)) return;
    view_.segments.clear();
    HnswOptions options;
    options.links = 16;
    options.build_beam = 128;
    options.threads = 2;
    const std::vector<float> vectors = ReadAll<float>(base);
    const auto rows = static_cast<int64_t>(vectors.size()) / kDimension;
    double wall = 0;
    double cpu = 0;
    for (int i = 0; i < segments; ++i) {
      PassageSet live;
      VectorRows part(kDimension, place.identity.codes);
      for (int64_t row = rows * i / segments; row < rows * (i + 1) / segments; ++row) {
        const std::span<const float> vector(&vectors[static_cast<size_t>(row) * kDimension],
                                            kDimension);
        part.Append(static_cast<uint32_t>(row) + 1,
                    StoreVector(place.identity.codes, vector).data());
        live.Insert(static_cast<uint32_t>(row) + 1);
      }
      const double start = Now();
      const double cpu_start = CpuSeconds();
      const SegmentParts parts = {{std::move(part)}, live, nullptr};
      auto built = BuildSegment(parts, place, options, [] { return false; });
      if (!built.ok()) Fail(built.status().ToString());
      wall += Now() - start;
      cpu += CpuSeconds() - cpu_start;
      view_.segments.push_back(*std::move(built));
    }
    about_["build_seconds"] = wall;
    about_["build_cpu_seconds"] = cpu;
  }

  std::span<const float> Query(int i) const {
    return {&queries_[static_cast<size_t>(i) * kDimension], kDimension};
  }

  // Of one pass over all queries: by the clock, and of the processor in all threads. The latter
  // tells more where other programs take the processor away.
  struct Seconds {
    double wall = 0;
    double cpu = 0;
  };
  static Seconds Pass(int queries, int threads, const std::function<void(int)>& once) {
    std::atomic<int> next{0};
    const auto work = [&] {
      for (int i = next++; i < queries; i = next++) once(i);
    };
    const double start = Now();
    const double cpu = CpuSeconds();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
    return {Now() - start, CpuSeconds() - cpu};
  }

  VectorSearchResult Find(int query, const PassageSet& allowed,
                          const VectorSearchOptions& options) {
    auto found = SearchVectors(view_, Query(query), allowed, kK, options, absl::InfiniteFuture());
    if (!found.ok()) Fail(found.status().ToString());
    return *std::move(found);
  }

  Json Search(const VectorSearchOptions& options, int threads) {
    std::vector<VectorSearchResult> found(kQueries);
    const Seconds seconds =
        Pass(kQueries, threads, [&](int i) { found[i] = Find(i, all_, options); });
    int right = 0;
    for (int i = 0; i < kQueries; ++i) {
      const int32_t* const wanted = &true_[static_cast<size_t>(i) * kTrue];
      for (const ScoredPassage& hit : found[i].hits) {
        right += std::count(wanted, wanted + kK, static_cast<int32_t>(hit.number) - 1) > 0;
      }
    }
    return {{"recall", right / static_cast<double>(kQueries * kK)},
            {"qps", kQueries / seconds.wall},
            {"queries_per_cpu_second", kQueries / seconds.cpu}};
  }

  static Json Rates(double bytes, const Seconds& seconds) {
    return {{"bytes_per_second", bytes / seconds.wall},
            {"bytes_per_cpu_second", bytes / seconds.cpu}};
  }

  Json Scan(int threads) {
    constexpr int kScans = 40;
    const VectorSearchOptions options = {.exact_below = INT64_MAX};
    const Seconds seconds = Pass(kScans, threads, [&](int i) { Find(i, all_, options); });
    const double bytes = static_cast<double>(CodeStride(kDimension) + sizeof(RowHead)) *
                         static_cast<double>(view_.rows()) * kScans;
    return Rates(bytes, seconds);
  }

  // Bytes a second that threads read in order, all at once, from huge pages.
  Json Read(int threads) {
    constexpr int kParts = 64;
    std::atomic<uint64_t> sink{0};
    const Seconds seconds = Pass(kParts, threads, [&](int part) {
      const auto* const words = reinterpret_cast<const uint64_t*>(
          memory_.data() + static_cast<size_t>(part) * (kReadBytes / kParts));
      uint64_t sums[16] = {};
      for (size_t i = 0; i < kReadBytes / kParts / sizeof(uint64_t); i += 16) {
        for (int j = 0; j < 16; ++j) sums[j] += words[i + j];
      }
      sink += std::accumulate(sums, sums + 16, uint64_t{0});
    });
    return Rates(static_cast<double>(kReadBytes), seconds);
  }

  // Random rows, those nearest to the query, or those farthest from it.
  PassageSet Allowed(int query, double share, const std::string& kind) {
    std::vector<std::pair<float, uint32_t>> order;
    std::mt19937 random(static_cast<uint32_t>(query));
    for (const SegmentPtr& segment : view_.segments) {
      const VectorRows& rows = segment->rows;
      for (int64_t row = 0; row < rows.size(); ++row) {
        float key = 0;
        if (kind == "random") {
          key = std::uniform_real_distribution<float>()(random);
        } else {
          key = rows.Score(Query(query), row);
          if (kind == "near") key = -key;
        }
        order.emplace_back(key, rows.passage(row));
      }
    }
    const auto kept =
        static_cast<int64_t>(std::max(1.0, std::round(share * static_cast<double>(order.size()))));
    std::nth_element(order.begin(), order.begin() + (kept - 1), order.end());
    PassageSet allowed;
    for (int64_t i = 0; i < kept; ++i) allowed.Insert(order[i].second);
    return allowed;
  }

  // Times are CPU time: one thread runs, and others may want the processor.
  Json Filter(double share, const std::string& kind) {
    constexpr int kFiltered = 30;
    const VectorSearchOptions options = {.exact_below = 50'000, .beam = 128};
    const VectorSearchOptions exact = {.exact_below = INT64_MAX};
    double right = 0;
    double wanted = 0;
    std::vector<double> times;
    std::vector<double> scan_times;
    std::vector<double> exact_times;
    int walked = 0;
    for (int i = 0; i < kFiltered; ++i) {
      const PassageSet allowed = Allowed(i, share, kind);
      std::vector<double> mine;
      std::vector<double> plain;
      std::vector<double> filtered;
      VectorSearchResult truth;
      VectorSearchResult found;
      for (int repeat = 0; repeat < 3; ++repeat) {
        double start = CpuSeconds();
        Find(i, all_, exact);
        plain.push_back(CpuSeconds() - start);
        start = CpuSeconds();
        truth = Find(i, allowed, exact);
        filtered.push_back(CpuSeconds() - start);
        start = CpuSeconds();
        found = Find(i, allowed, options);
        mine.push_back(CpuSeconds() - start);
      }
      times.push_back(*std::min_element(mine.begin(), mine.end()));
      scan_times.push_back(*std::min_element(plain.begin(), plain.end()));
      exact_times.push_back(*std::min_element(filtered.begin(), filtered.end()));
      walked += !found.exact;
      wanted += static_cast<double>(truth.hits.size());
      for (const ScoredPassage& hit : found.hits) right += hit.score >= truth.hits.back().score;
    }
    const auto ms = [](std::vector<double>& of) {
      std::sort(of.begin(), of.end());
      return 1000 * of[of.size() / 2];
    };
    const double most = 1000 * *std::max_element(times.begin(), times.end());
    return {{"recall", right / wanted},
            {"ms", ms(times)},
            {"most_ms", most},
            {"exact_filtered_ms", ms(exact_times)},
            {"exact_ms", ms(scan_times)},
            {"walked", walked / static_cast<double>(kFiltered)}};
  }

  static constexpr size_t kReadBytes = size_t{512} << 20;

  const std::vector<float> queries_;
  const std::vector<int32_t> true_;
  View view_;
  PassageSet all_;
  Json about_;
  // Written once, so that it is there.
  const PageBlock memory_ = [] {
    PageBlock block(kReadBytes, true);
    std::fill_n(block.data(), kReadBytes, std::byte{1});
    return block;
  }();
};

// The same rows in more and more segments; in rounds, as other programs may want the processor.
void CompareSegments(const std::string& folder, const std::string& keep) {
  constexpr int kRounds = 5;
  std::vector<std::unique_ptr<Server>> servers;
  for (const int segments : {1, 2, 4, 8}) {
    servers.push_back(std::make_unique<Server>(folder, keep, segments, true));
  }
  Json out = Json::array();
  for (const auto& server : servers) out.push_back(server->about());
  for (const int beam : {20, 44, 128}) {
    std::vector<std::vector<double>> rates(servers.size());
    for (int round = 0; round < kRounds; ++round) {
      for (size_t i = 0; i < servers.size(); ++i) {
        const Json found = servers[i]->SearchWith(beam);
        rates[i].push_back(found["queries_per_cpu_second"]);
        out[i]["beams"][absl::StrCat(beam)]["recall"] = found["recall"];
      }
    }
    for (size_t i = 0; i < servers.size(); ++i) {
      std::sort(rates[i].begin(), rates[i].end());
      out[i]["beams"][absl::StrCat(beam)]["queries_per_cpu_second"] = rates[i][kRounds / 2];
    }
  }
  std::cout << out.dump(2) << "\n";
}

int Main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "data") {
    int rows = 200'000;
    if (argc > 3 && (!absl::SimpleAtoi(argv[3], &rows) || rows < kTrue)) Fail("bad number of rows");
    MakeData(argv[2], rows);
    return 0;
  }
  if (argc < 4 || (mode != "serve" && mode != "segments")) {
    std::cerr << "usage: vector_bench data FOLDER [ROWS] | serve FOLDER KEEP [KIND] | "
                 "segments FOLDER KEEP\n";
    return 2;
  }
  omp_set_num_threads(1);
  if (mode == "segments") {
    CompareSegments(argv[2], argv[3]);
    return 0;
  }
  const std::string kept = argc < 5 ? "f16" : argv[4];
  const std::map<std::string, VectorCodes> kinds = {{"f16", VectorCodes::kFloat16},
                                                    {"memory", VectorCodes::kFloat16},
                                                    {"int8", VectorCodes::kInt8},
                                                    {"binary", VectorCodes::kBinary},
                                                    {"pq", VectorCodes::kPq}};
  if (!kinds.contains(kept)) Fail("unknown kind: " + kept);
  Server server(argv[2], argv[3], 1, kept != "memory", kinds.at(kept));
  std::cout << server.about().dump() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << server.Answer(line).dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace sightline::index

int main(int argc, char** argv) { return sightline::index::Main(argc, argv); }
