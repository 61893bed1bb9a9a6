#include "index/text_search.h"

#include <algorithm>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/bm25.h"
#include "index/key_codec.h"
#include "index/posting_list.h"

namespace sightline::index {
namespace {

struct Occurrence {
  uint32_t number = 0;
  uint32_t count = 0;
};

// Where `term` stands among the view's live passages, ascending by number: one pass over
// neighbouring keys.
absl::StatusOr<std::vector<Occurrence>> FindTerm(const Store& store, const View& view,
                                                 const std::string& term) {
  std::vector<Occurrence> found;
  std::vector<Posting> postings;
  const uint32_t collection = view.record.id;
  SL_RETURN_IF_ERROR(
      store.Scan(TermPrefix(collection, term), view.moment.get(),
                 [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                   const auto parts = ParsePostingKey(key, collection);
                   postings.clear();
                   if (!parts.has_value() || !DecodePostings(value, postings)) {
                     return absl::DataLossError("store: malformed posting list");
                   }
                   const PassageSet::Block* live = view.passages.live().block_at(parts->bucket);
                   if (live == nullptr) return true;
                   const uint32_t base = parts->bucket << kBucketBits;
                   for (const Posting& posting : postings) {
                     if (((*live)[posting.place / 64] >> (posting.place % 64) & 1) != 0) {
                       found.push_back({base + posting.place, posting.count});
                     }
                   }
                   return true;
                 }));
  return found;
}

// Sums by passage, in blocks made where a term first falls.
class Scores {
 public:
  float& at(uint32_t number) {
    const uint32_t bucket = number >> kBucketBits;
    if (bucket >= blocks_.size()) blocks_.resize(bucket + 1);
    if (blocks_[bucket] == nullptr) blocks_[bucket] = std::make_unique<float[]>(kBucketSize);
    return blocks_[bucket][number & (kBucketSize - 1)];
  }

  std::vector<ScoredPassage> Best(const PassageSet& allowed, int n) const {
    TopPassages top(n);
    for (uint32_t bucket = 0; bucket < blocks_.size(); ++bucket) {
      if (blocks_[bucket] == nullptr || allowed.block_at(bucket) == nullptr) continue;
      for (uint32_t place = 0; place < kBucketSize; ++place) {
        const float score = blocks_[bucket][place];
        const uint32_t number = (bucket << kBucketBits) + place;
        if (score > 0 && allowed.Contains(number)) top.Offer({number, score});
      }
    }
    return top.Take();
  }

 private:
  std::vector<std::unique_ptr<float[]>> blocks_;
};

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

}  // namespace

absl::StatusOr<std::vector<ScoredPassage>> SearchText(const Store& store, const View& view,
                                                      const std::vector<std::string>& terms,
                                                      const PassageSet& allowed, int n,
                                                      absl::Time deadline) {
  const int64_t texts = view.counters.texts;
  if (texts == 0) return std::vector<ScoredPassage>();
  const double mean_length =
      static_cast<double>(view.counters.total_length) / static_cast<double>(texts);
  Scores scores;
  for (const auto& [term, times] : CountDistinct(terms)) {
    if (absl::Now() > deadline) return absl::DeadlineExceededError("text search: out of time");
    SL_ASSIGN_OR_RETURN(const std::vector<Occurrence> found, FindTerm(store, view, term));
    const double weight = times * Bm25Idf(texts, static_cast<int64_t>(found.size()));
    for (const Occurrence& hit : found) {
      const uint32_t length = view.passages.length(hit.number);
      scores.at(hit.number) +=
          static_cast<float>(weight * Bm25Saturation(hit.count, length, mean_length));
    }
  }
  return scores.Best(allowed, n);
}

}  // namespace sightline::index
