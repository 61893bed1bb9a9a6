// How fast word search is, in one run: against adding up every posting of the same index, and whole
// searches, with the passages' texts read, against SQLite's full-text search (FTS5) over the same
// texts. Usage: text_bench [--passages N] [--rounds R] [--queries Q]. Figures as JSON on standard
// output; exits with 1 when the first two, or the numbers of hits, are not the same.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "bench/peers/sqlite_peer.h"
#include "index/bm25.h"
#include "index/collection_loader.h"
#include "index/corpus.h"
#include "index/key_codec.h"
#include "index/term_list.h"
#include "index/text_search.h"

namespace sightline::index {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using Found = std::vector<ScoredPassage>;

struct Settings {
  int passages = 200'000;
  int rounds = 5;    // both ways in each, in turn
  int queries = 50;  // of each length
};

[[noreturn]] void Fail(const absl::Status& status) {
  std::cerr << "text_bench: " << status << "\n";
  std::exit(1);
}

template <typename T>
T OrFail(absl::StatusOr<T> value) {
  if (!value.ok()) Fail(value.status());
  return *std::move(value);
}

// A word whose frequency falls as in natural language.
std::string Word(std::mt19937& random) {
  const double u = std::uniform_real_distribution<double>()(random);
  return absl::StrCat("w", static_cast<int>(std::pow(50'000.0, u)));
}

std::string Text(std::mt19937& random) {
  std::string out;
  const double length = std::lognormal_distribution<double>(std::log(80.0), 0.6)(random);
  for (int words = static_cast<int>(std::clamp(length, 5.0, 400.0)); words > 0; --words) {
    absl::StrAppend(&out, Word(random), " ");
  }
  return out;
}

void Fill(const std::string& path, int passages) {
  CorpusOptions options;
  options.path = path;
  auto corpus = OrFail(Corpus::Open(options));
  OrFail(corpus->CreateCollection("c", "model", 8));
  std::mt19937 random(1);
  for (int written = 0; written < passages;) {
    DocumentWrite write;
    write.document.id = absl::StrCat("d", written);
    write.document.collection = "c";
    for (int i = 0; i < 500 && written < passages; ++i, ++written) {
      write.passages.emplace_back().passage.text = Text(random);
    }
    OrFail(corpus->PutDocument(std::move(write)));
  }
}

// Scores every passage that holds a term.
absl::StatusOr<Found> Exhaustive(const Store& store, const View& view,
                                 const std::vector<std::string>& terms, const PassageSet& allowed,
                                 int n) {
  std::map<std::string, int> times;
  for (const std::string& term : terms) ++times[term];
  const int64_t texts = view.counters.texts;
  const double mean_length =
      static_cast<double>(view.counters.total_length) / static_cast<double>(texts);
  PassageSet::Block every;
  every.fill(~uint64_t{0});
  std::vector<float> scores(view.counters.next_passage);
  for (const auto& [term, repeats] : times) {
    auto list = TermList::Read(store, view, term);
    if (!list.ok()) return list.status();
    const double weight = repeats * Bm25Idf(texts, list->holding());
    for (const TermList::Part& part : list->parts()) {
      const uint32_t* lengths = view.passages.block_at(part.bucket)->length;
      float* sums = scores.data() + (part.bucket << kBucketBits);
      list->ForEach(part, ~uint64_t{0}, every, [&](uint32_t place, uint32_t count) {
        sums[place] +=
            static_cast<float>(weight * Bm25Saturation(count, lengths[place], mean_length));
      });
    }
  }
  TopPassages top(n);
  for (uint32_t number = 0; number < scores.size(); ++number) {
    if (scores[number] > 0 && allowed.Contains(number)) top.Offer({number, scores[number]});
  }
  return top.Take();
}

bool Same(const Found& a, const Found& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ScoredPassage& x, const ScoredPassage& y) {
                      return x.number == y.number && x.score == y.score;
                    });
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Bench {
 public:
  Bench(const Settings& settings, const std::string& path)
      : settings_(settings), store_(OrFail(Store::Open(path + "/store"))) {
    const auto value = OrFail(store_->Get(CollectionKey("c"), nullptr));
    if (!value.has_value()) Fail(absl::InternalError("the collection is not there"));
    const CollectionRecord record = OrFail(DecodeCollection(*value));
    view_ = OrFail(LoadCollection(*store_, record, path + "/none", true)).view;
  }

  Json Run() {
    Json out = {{"passages", settings_.passages},
                {"terms", view_->counters.total_length},
                {"rounds", settings_.rounds},
                {"queries", settings_.queries}};
    PassageSet tenth;
    view_->passages.live().ForEach([&](uint32_t number) {
      if ((number / 64) % 10 == 0) tenth.Insert(number);
    });
    for (const int words : {2, 4, 8}) {
      const std::string name = absl::StrCat("words_", words);
      out[name]["best_10"] = Compare(words, view_->passages.live(), 10);
      out[name]["best_100"] = Compare(words, view_->passages.live(), 100);
      out[name]["best_100_of_a_tenth"] = Compare(words, tenth, 100);
    }
    out["same"] = same_;
    return out;
  }

  bool same() const { return same_; }

 private:
  using Search = absl::StatusOr<Found> (*)(const Store&, const View&,
                                           const std::vector<std::string>&, const PassageSet&, int);

  static absl::StatusOr<Found> Pruned(const Store& store, const View& view,
                                      const std::vector<std::string>& terms,
                                      const PassageSet& allowed, int n) {
    return SearchText(store, view, {.words = terms}, allowed, n, absl::InfiniteFuture());
  }

  // Milliseconds of a query, by median over the queries, then over the rounds.
  Json Compare(int words, const PassageSet& allowed, int n) {
    std::mt19937 random(7 * words);
    std::vector<std::vector<std::string>> queries(settings_.queries);
    for (auto& query : queries) {
      for (int i = 0; i < words; ++i) query.push_back(Word(random));
      same_ = same_ && Same(OrFail(Pruned(*store_, *view_, query, allowed, n)),
                            OrFail(Exhaustive(*store_, *view_, query, allowed, n)));
    }
    std::vector<double> exhaustive, pruned, ratios;
    for (int round = 0; round < settings_.rounds; ++round) {
      exhaustive.push_back(Time(&Exhaustive, queries, allowed, n));
      pruned.push_back(Time(&Pruned, queries, allowed, n));
      ratios.push_back(exhaustive.back() / pruned.back());
    }
    return {{"exhaustive_ms", Median(exhaustive)},
            {"pruned_ms", Median(pruned)},
            {"times_faster", Median(ratios)}};
  }

  double Time(Search search, const std::vector<std::vector<std::string>>& queries,
              const PassageSet& allowed, int n) const {
    std::vector<double> times;
    for (const auto& query : queries) {
      const auto start = Clock::now();
      OrFail(search(*store_, *view_, query, allowed, n));
      times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    return Median(std::move(times));
  }

  const Settings settings_;
  const std::unique_ptr<Store> store_;
  std::shared_ptr<View> view_;
  bool same_ = true;
};

// A query of each kind in both syntaxes.
struct PeerQuery {
  std::string ours;
  std::string theirs;
};

std::vector<PeerQuery> PeerQueries(const std::string& kind, int count) {
  std::mt19937 random(11);
  std::vector<PeerQuery> out;
  while (static_cast<int>(out.size()) < count) {
    const std::string a = Word(random);
    const std::string b = Word(random);
    if (kind == "two_words") out.push_back({absl::StrCat(a, " ", b), absl::StrCat(a, " OR ", b)});
    if (kind == "phrase") {
      const std::string both = absl::StrCat("\"", a, " ", b, "\"");
      out.push_back({both, both});
    }
    // "w1*" would be most words there are.
    if (kind == "beginning" && a.size() > 3)
      out.push_back({absl::StrCat(a, "*"), absl::StrCat(a, "*")});
    if (kind == "six_words") {
      PeerQuery query = {a, a};
      for (int i = 1; i < 6; ++i) {
        const std::string word = Word(random);
        absl::StrAppend(&query.ours, " ", word);
        absl::StrAppend(&query.theirs, " OR ", word);
      }
      out.push_back(std::move(query));
    }
  }
  return out;
}

// Whole searches for the best ten, by the corpus and by SQLite in turn.
class PeerBench {
 public:
  PeerBench(const Settings& settings, const std::string& path)
      : settings_(settings), peer_(path + "-sqlite") {
    CorpusOptions options;
    options.path = path;
    corpus_ = OrFail(Corpus::Open(options));
    std::mt19937 random(1);
    int left = settings.passages;
    peer_.Fill([&](std::string& text) {
      if (left-- == 0) return false;
      text = Text(random);
      return true;
    });
  }

  Json Run() {
    Json out;
    for (const char* kind : {"two_words", "six_words", "phrase", "beginning"}) {
      out[kind] = Compare(PeerQueries(kind, settings_.queries));
    }
    return out;
  }
  bool same() const { return same_; }

 private:
  static constexpr int kHits = 10;

  Json Compare(const std::vector<PeerQuery>& queries) {
    std::vector<double> ours, theirs, ratios;
    for (int round = 0; round < settings_.rounds; ++round) {
      std::vector<int> found;
      ours.push_back(Time(queries, [&](const PeerQuery& query) {
        SearchQuery search;
        search.collection = "c";
        search.text = query.ours;
        search.text_syntax = true;
        search.mode = FusionMode::kLexical;
        search.k = kHits;
        found.push_back(static_cast<int>(OrFail(corpus_->Search(search)).hits.size()));
      }));
      size_t at = 0;
      theirs.push_back(Time(queries, [&](const PeerQuery& query) {
        same_ = same_ && peer_.Search(query.theirs, kHits) == found[at++];
      }));
      ratios.push_back(theirs.back() / ours.back());
    }
    return {
        {"ours_ms", Median(ours)}, {"sqlite_ms", Median(theirs)}, {"times_faster", Median(ratios)}};
  }

  template <typename Search>
  static double Time(const std::vector<PeerQuery>& queries, const Search& search) {
    std::vector<double> times;
    for (const PeerQuery& query : queries) {
      const auto start = Clock::now();
      search(query);
      times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    return Median(std::move(times));
  }

  const Settings settings_;
  bench::SqlitePeer peer_;
  std::unique_ptr<Corpus> corpus_;
  bool same_ = true;
};

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    int* const value = flag == "--passages"  ? &settings.passages
                       : flag == "--rounds"  ? &settings.rounds
                       : flag == "--queries" ? &settings.queries
                                             : nullptr;
    if (value == nullptr || !absl::SimpleAtoi(argv[i + 1], value) || *value < 1) {
      std::cerr << "text_bench [--passages N] [--rounds R] [--queries Q]\n";
      return 2;
    }
  }
  const auto folder = OrFail(TempDir::Create("text-bench"));
  const std::string path = folder->path() + "/data";
  Fill(path, settings.passages);
  auto bench = std::make_unique<Bench>(settings, path);
  Json out = bench->Run();
  bool same = bench->same();
  bench.reset();  // a store is opened once at a time
  PeerBench peers(settings, path);
  out["whole_searches"] = peers.Run();
  out["same_numbers_of_hits"] = peers.same();
  std::cout << out.dump(2) << "\n";
  same = same && peers.same();
  return same ? 0 : 1;
}

}  // namespace
}  // namespace sightline::index

int main(int argc, char** argv) { return sightline::index::Main(argc, argv); }
