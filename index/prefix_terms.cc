#include "index/prefix_terms.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "base/status.h"
#include "index/key_codec.h"
#include "index/length_code.h"
#include "index/posting_list.h"
#include "index/text_analyzer.h"

namespace sightline::index {
namespace {

constexpr size_t kListsPerClockLook = 1024;

// A word with the number of passages it stands in.
using Frequency = std::pair<std::string, int64_t>;

absl::StatusOr<int64_t> CountPostings(absl::string_view value) {
  if (const auto blocks = BlocksOf(value); blocks.has_value()) {
    return PostingBlockReader(*blocks).total();
  }
  std::vector<Posting> postings;
  if (!DecodePostings(value, postings)) {
    return absl::DataLossError("store: malformed posting list");
  }
  return static_cast<int64_t>(postings.size());
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandPrefix(const Store& store, const View& view,
                                                      absl::string_view prefix,
                                                      absl::Time deadline) {
  const uint32_t collection = view.record.id;
  std::vector<Frequency> words;
  size_t looked_at = 0;
  // Keys begin with the length of their term, so words of one length are neighbours.
  for (size_t length = prefix.size(); length <= kMaxTermBytes && looked_at < kMaxPrefixPostingLists;
       ++length) {
    SL_RETURN_IF_ERROR(
        store.Scan(TermsPrefix(collection, length, prefix), view.moment.get(),
                   [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                     if (looked_at % kListsPerClockLook == 0 && absl::Now() > deadline) {
                       return absl::DeadlineExceededError("text search: out of time");
                     }
                     const auto parts = ParsePostingKey(key, collection);
                     if (!parts.has_value()) {
                       return absl::DataLossError("store: malformed key of a posting list");
                     }
                     SL_ASSIGN_OR_RETURN(const int64_t count, CountPostings(value));
                     if (words.empty() || words.back().first != parts->term) {
                       words.emplace_back(parts->term, 0);
                     }
                     words.back().second += count;
                     return ++looked_at < kMaxPrefixPostingLists;
                   }));
  }
  std::erase_if(words, [](const Frequency& word) { return word.second == 0; });
  std::sort(words.begin(), words.end(), [](const Frequency& a, const Frequency& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (words.size() > kMaxExpansions) words.resize(kMaxExpansions);
  std::vector<std::string> out;
  for (Frequency& word : words) out.push_back(std::move(word.first));
  std::sort(out.begin(), out.end());
  return out;
}

absl::StatusOr<TermList> ReadAsOne(const Store& store, const View& view,
                                   const std::vector<std::string>& terms) {
  using Counts = std::array<uint32_t, kBucketSize>;
  std::map<uint32_t, std::unique_ptr<Counts>> buckets;
  for (const std::string& term : terms) {
    SL_ASSIGN_OR_RETURN(const TermList list, TermList::Read(store, view, term));
    for (const TermList::Part& part : list.parts()) {
      const PassageSet::Block* live = view.passages.live().block_at(part.bucket);
      if (live == nullptr) continue;
      std::unique_ptr<Counts>& counts = buckets[part.bucket];
      if (counts == nullptr) counts = std::make_unique<Counts>();
      list.ForEach(part, ~uint64_t{0}, *live,
                   [&](uint32_t place, uint32_t count) { (*counts)[place] += count; });
    }
  }
  TermList out;
  std::vector<Posting> postings;
  for (const auto& [bucket, counts] : buckets) {
    const uint32_t* lengths = view.passages.block_at(bucket)->length;
    postings.clear();
    for (uint32_t place = 0; place < kBucketSize; ++place) {
      const uint32_t count = (*counts)[place];
      if (count == 0) continue;
      postings.push_back({static_cast<uint16_t>(place), count, LengthCode(lengths[place])});
    }
    SL_RETURN_IF_ERROR(out.Add(bucket, EncodeFolded(postings)));
  }
  return out;
}

}  // namespace sightline::index
