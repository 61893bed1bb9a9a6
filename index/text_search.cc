#include "index/text_search.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "base/status.h"
#include "index/bm25.h"
#include "index/prefix_terms.h"
#include "index/term_list.h"
#include "index/text_walk.h"

namespace sightline::index {
namespace {

std::map<std::string, int> CountDistinct(const std::vector<std::string>& terms) {
  std::map<std::string, int> counts;
  for (const std::string& term : terms) {
    const auto it = counts.find(term);
    if (it != counts.end()) {
      ++it->second;
    } else if (counts.size() < kMaxQueryTerms) {
      counts.emplace(term, 1);
    }
  }
  return counts;
}

struct QueryLists {
  std::vector<TermList> lists;
  std::vector<double> weights;  // of each
};

// Those of the terms that stand anywhere.
absl::StatusOr<QueryLists> ReadLists(const Store& store, const View& view, const SearchTerms& terms,
                                     absl::Time deadline) {
  QueryLists out;
  const auto add = [&](TermList list, int times) {
    if (list.holding() == 0) return;
    out.weights.push_back(times * Bm25Idf(view.counters.texts, list.holding()));
    out.lists.push_back(std::move(list));
  };
  for (const auto& [term, times] : CountDistinct(terms.words)) {
    if (absl::Now() > deadline) return absl::DeadlineExceededError("text search: out of time");
    SL_ASSIGN_OR_RETURN(TermList list, TermList::Read(store, view, term));
    add(std::move(list), times);
  }
  for (const std::vector<std::string>& words : terms.alternatives) {
    if (absl::Now() > deadline) return absl::DeadlineExceededError("text search: out of time");
    SL_ASSIGN_OR_RETURN(TermList list, ReadAsOne(store, view, words));
    add(std::move(list), 1);
  }
  return out;
}

}  // namespace

absl::StatusOr<std::vector<ScoredPassage>> SearchText(const Store& store, const View& view,
                                                      const SearchTerms& terms,
                                                      const PassageSet& allowed, int n,
                                                      absl::Time deadline) {
  const int64_t texts = view.counters.texts;
  if (texts == 0) return std::vector<ScoredPassage>();
  const double mean_length =
      static_cast<double>(view.counters.total_length) / static_cast<double>(texts);
  SL_ASSIGN_OR_RETURN(const QueryLists read, ReadLists(store, view, terms, deadline));
  std::vector<WeightedList> weighted;
  for (size_t i = 0; i < read.lists.size(); ++i) {
    weighted.push_back({&read.lists[i], read.weights[i]});
  }
  return WalkLists(view, weighted, mean_length, allowed, n, deadline);
}

absl::StatusOr<std::vector<int64_t>> CountHolding(const Store& store, const View& view,
                                                  const TextAnalyzer& analyzer,
                                                  std::span<const std::string> words, int64_t most,
                                                  absl::Time deadline) {
  std::vector<int64_t> out;
  for (const std::string& word : words) {
    if (absl::Now() > deadline) return absl::DeadlineExceededError("text search: out of time");
    SL_ASSIGN_OR_RETURN(const std::vector<std::string> terms, analyzer.Terms(word));
    std::optional<int64_t> rarest;
    for (const std::string& term : terms) {
      SL_ASSIGN_OR_RETURN(const TermList list, TermList::Read(store, view, term, most));
      rarest = std::min(rarest.value_or(list.holding()), list.holding());
    }
    out.push_back(rarest.value_or(0));
  }
  return out;
}

absl::StatusOr<float> TextCeiling(const Store& store, const View& view, const SearchTerms& terms,
                                  absl::Time deadline) {
  SL_ASSIGN_OR_RETURN(const QueryLists read, ReadLists(store, view, terms, deadline));
  return static_cast<float>((kBm25K1 + 1) *
                            std::accumulate(read.weights.begin(), read.weights.end(), 0.0));
}

}  // namespace sightline::index
