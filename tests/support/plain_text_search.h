#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/status.h"
#include "index/bm25.h"
#include "index/key_codec.h"
#include "index/passage_set.h"
#include "index/posting_list.h"
#include "index/store.h"
#include "index/top_passages.h"
#include "index/view.h"

namespace sightline::testing {

// What index::SearchText is to find, by adding up every posting of every term: for tests, and as
// what the benchmark measures against.
inline absl::StatusOr<std::vector<index::ScoredPassage>> PlainTextSearch(
    const index::Store& store, const index::View& view, const std::vector<std::string>& terms,
    const index::PassageSet& allowed, int n) {
  const int64_t texts = view.counters.texts;
  if (texts == 0) return std::vector<index::ScoredPassage>();
  const double mean_length =
      static_cast<double>(view.counters.total_length) / static_cast<double>(texts);
  std::map<std::string, int> times;
  for (const std::string& term : terms) ++times[term];
  std::vector<float> scores(view.counters.next_passage);
  std::vector<std::pair<uint32_t, uint32_t>> found;  // number, count
  std::vector<index::Posting> postings;
  for (const auto& [term, repeats] : times) {
    found.clear();
    SL_RETURN_IF_ERROR(store.Scan(
        index::TermPrefix(view.record.id, term), view.moment.get(),
        [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
          const auto parts = index::ParsePostingKey(key, view.record.id);
          postings.clear();
          if (!parts.has_value() || !index::DecodePostings(value, postings)) {
            return absl::DataLossError("malformed posting list");
          }
          for (const index::Posting& posting : postings) {
            const uint32_t number = (parts->bucket << index::kBucketBits) + posting.place;
            if (view.passages.live().Contains(number)) found.emplace_back(number, posting.count);
          }
          return true;
        }));
    const double weight = repeats * index::Bm25Idf(texts, static_cast<int64_t>(found.size()));
    for (const auto& [number, count] : found) {
      const uint32_t length = view.passages.length(number);
      scores[number] +=
          static_cast<float>(weight * index::Bm25Saturation(count, length, mean_length));
    }
  }
  index::TopPassages top(n);
  for (uint32_t number = 0; number < scores.size(); ++number) {
    if (scores[number] > 0 && allowed.Contains(number)) top.Offer({number, scores[number]});
  }
  return top.Take();
}

}  // namespace sightline::testing
