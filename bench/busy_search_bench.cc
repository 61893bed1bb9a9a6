// How long a search takes beside a writer at full rate, against without one, in one run.
// Usage: busy_search_bench [--rows N] [--dimension D] [--seconds S] [--rounds N]
//                          [--passages N] [--mode dense|lexical|hybrid]
// One thread searches, one after the other. In turns nothing else goes on (`idle`), and one thread
// puts documents of `passages` each as fast as they are taken (`busy`), with all that follows from
// it: segments are sealed, built and joined. Figures as JSON on standard output; `ratio` is busy by
// idle. `cpu` counts only what the searching thread itself computed: what it has over the times of
// the clock is waiting, for locks, for the disk, or for a processor.

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "index/corpus.h"
#include "tests/support/clustered_vectors.h"

namespace sightline::index {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct Settings {
  int rows = 200'000;
  int dimension = 256;
  double seconds = 10;  // of each turn
  int rounds = 3;
  int passages = 10;  // of a document
  std::string mode = "hybrid";
};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void Fail(const absl::Status& status) {
  std::cerr << "busy_search_bench: " << status << "\n";
  std::exit(1);
}

double ThreadCpuMilliseconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

// Milliseconds of each search.
struct Times {
  std::vector<double> clock;
  std::vector<double> cpu;
};

Json Percentiles(std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[static_cast<size_t>(share * static_cast<double>(times.size() - 1))];
  };
  return {{"p50_ms", at(0.5)}, {"p95_ms", at(0.95)}, {"p99_ms", at(0.99)}, {"most_ms", at(1)}};
}

Json Summary(Times& times) {
  Json out = {{"searches", times.clock.size()}};
  out.update(Percentiles(times.clock));
  out["cpu"] = Percentiles(times.cpu);
  return out;
}

class Bench {
 public:
  explicit Bench(const Settings& settings)
      : settings_(settings), vectors_(settings.dimension, 2000, 1) {
    for (int i = 0; i < 256; ++i) queries_.push_back(vectors_.Next());
    // Made once: what is measured is putting them.
    for (int i = 0; i < 5000; ++i) passages_.push_back(MakePassage());
    auto folder = TempDir::Create("busy-search-bench");
    if (!folder.ok()) Fail(folder.status());
    folder_ = *std::move(folder);
    CorpusOptions options;
    options.path = folder_->path() + "/data";
    auto corpus = Corpus::Open(options);
    if (!corpus.ok()) Fail(corpus.status());
    corpus_ = *std::move(corpus);
    const auto created = corpus_->CreateCollection("bench", "none", settings.dimension);
    if (!created.ok()) Fail(created.status());
  }

  Json Run() {
    while (written_ < settings_.rows) Put(100);
    corpus_->WaitForUpkeep();
    Times idle;
    Times busy;
    double busy_seconds = 0;
    const int64_t before = written_;
    Search(1, nullptr);  // what the first searches touch is not what is measured
    for (int round = 0; round < settings_.rounds; ++round) {
      Search(settings_.seconds, &idle);
      std::atomic<bool> done{false};
      std::thread writer([&] {
        while (!done) Put(settings_.passages);
      });
      busy_seconds += Search(settings_.seconds, &busy);
      done = true;
      writer.join();
      corpus_->WaitForUpkeep();
    }
    Json out = {{"rows", settings_.rows},
                {"dimension", settings_.dimension},
                {"mode", settings_.mode},
                {"passages_a_document", settings_.passages},
                {"processors", std::thread::hardware_concurrency()}};
    out["passages_written_per_second"] = static_cast<double>(written_ - before) / busy_seconds;
    out["idle"] = Summary(idle);
    out["busy"] = Summary(busy);
    const auto ratio = [](const Json& of, const Json& by, const char* figure) {
      return of[figure].get<double>() / by[figure].get<double>();
    };
    for (const char* const figure : {"p50_ms", "p95_ms", "p99_ms"}) {
      out["ratio"][figure] = ratio(out["busy"], out["idle"], figure);
      out["ratio"]["cpu"][figure] = ratio(out["busy"]["cpu"], out["idle"]["cpu"], figure);
    }
    return out;
  }

 private:
  PassageWrite MakePassage() {
    PassageWrite out;
    for (int i = 0; i < 60; ++i) {
      // Frequencies fall as in natural language.
      const double u = std::uniform_real_distribution<double>()(random_);
      absl::StrAppend(&out.passage.text, "w", static_cast<int>(std::pow(50'000.0, u)), " ");
    }
    out.vector = vectors_.Next();
    return out;
  }

  void Put(int passages) {
    DocumentWrite write;
    write.document.id = absl::StrCat("d", written_);
    write.document.collection = "bench";
    for (int i = 0; i < passages; ++i) {
      write.passages.push_back(passages_[static_cast<size_t>(written_++) % passages_.size()]);
    }
    const auto stored = corpus_->PutDocument(std::move(write));
    if (!stored.ok()) Fail(stored.status());
  }

  // Returns how long the searches took together.
  double Search(double seconds, Times* times) {
    SearchQuery query;
    query.collection = "bench";
    query.k = 10;
    query.mode = settings_.mode == "dense"     ? FusionMode::kDense
                 : settings_.mode == "lexical" ? FusionMode::kLexical
                                               : FusionMode::kHybrid;
    const auto start = Clock::now();
    while (SecondsSince(start) < seconds) {
      query.vector = queries_[next_++ % queries_.size()];
      query.text = absl::StrCat("w1", next_ % 10, " w", 100 + next_ % 89, " w", 1000 + next_ % 997);
      const double cpu = ThreadCpuMilliseconds();
      const auto begin = Clock::now();
      const auto result = corpus_->Search(query);
      if (times != nullptr) {
        times->clock.push_back(1000 * SecondsSince(begin));
        times->cpu.push_back(ThreadCpuMilliseconds() - cpu);
      }
      if (!result.ok()) Fail(result.status());
    }
    return SecondsSince(start);
  }

  const Settings settings_;
  testing::ClusteredVectors vectors_;
  std::mt19937 random_{2};
  std::vector<std::vector<float>> queries_;
  std::vector<PassageWrite> passages_;
  std::unique_ptr<TempDir> folder_;
  std::unique_ptr<Corpus> corpus_;
  int64_t written_ = 0;  // passages; of one thread at a time
  size_t next_ = 0;
};

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    bool good = false;
    if (flag == "--rows") good = absl::SimpleAtoi(value, &settings.rows) && settings.rows > 0;
    if (flag == "--dimension") {
      good = absl::SimpleAtoi(value, &settings.dimension) && settings.dimension > 0;
    }
    if (flag == "--seconds")
      good = absl::SimpleAtod(value, &settings.seconds) && settings.seconds > 0;
    if (flag == "--rounds") good = absl::SimpleAtoi(value, &settings.rounds) && settings.rounds > 0;
    if (flag == "--passages") {
      good = absl::SimpleAtoi(value, &settings.passages) && settings.passages > 0;
    }
    if (flag == "--mode") {
      good = value == "dense" || value == "lexical" || value == "hybrid";
      settings.mode = value;
    }
    if (!good) {
      std::cerr
          << "usage: busy_search_bench [--rows N] [--dimension D] [--seconds S] [--rounds N]\n"
             "                         [--passages N] [--mode dense|lexical|hybrid]\n";
      return 2;
    }
  }
  Bench bench(settings);
  std::cout << bench.Run().dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace sightline::index

int main(int argc, char** argv) { return sightline::index::Main(argc, argv); }
