#include "model/bpe.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sightline::model {
namespace {

constexpr size_t kShortWord =
    32;  // bytes; below, looking at every pair each time is faster than a heap
constexpr int32_t kNoRank = std::numeric_limits<int32_t>::max();

uint64_t PairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// A byte of a long word. Small, because a word may have millions. Tokens are runs of bytes, whose
// first byte has the token and the merge with the one after it; the first and the last both have
// its length, so that both neighbours are found.
struct Part {
  int32_t id;
  int32_t rank;    // kNoRank: no merge; bytes inside a token have none either
  int32_t length;  // bytes of the token that starts, or ends, here
};

// Merges to be done: by rank, and from left to right among equals. Where a text repeats itself,
// which is when words get absurdly long, it has few ranks, so the heap is of ranks and not of
// places.
class MergeQueue {
 public:
  void Reserve(int32_t places) { links_.reserve(places); }

  // `rank` is any; a place may be there several times, under ranks it no longer has.
  void Push(int32_t rank, int32_t place) {
    if (rank != last_rank_) {
      last_rank_ = rank;
      last_ = &places_[rank];
    }
    const int32_t link = NewLink(place);
    if (last_->first < 0) {
      ranks_.push_back(rank);
      std::push_heap(ranks_.begin(), ranks_.end(), std::greater<>());
      last_->first = link;
    } else {
      links_[last_->last].next = link;
    }
    last_->last = link;
  }

  bool empty() const { return ranks_.empty(); }

  // Takes the lowest rank out, with its places from left to right.
  int32_t Pop(std::vector<int32_t>& places) {
    std::pop_heap(ranks_.begin(), ranks_.end(), std::greater<>());
    const int32_t rank = ranks_.back();
    ranks_.pop_back();
    Chain& chain = places_[rank];
    places.clear();
    for (int32_t i = chain.first; i >= 0; i = links_[i].next) places.push_back(links_[i].place);
    links_[chain.last].next = unused_;
    unused_ = chain.first;
    chain.first = -1;
    if (!std::is_sorted(places.begin(), places.end())) std::sort(places.begin(), places.end());
    return rank;
  }

 private:
  struct Link {
    int32_t place;
    int32_t next;  // -1: the last
  };
  struct Chain {
    int32_t first = -1;
    int32_t last = -1;
  };

  int32_t NewLink(int32_t place) {
    if (unused_ < 0) {
      links_.push_back({place, -1});
      return static_cast<int32_t>(links_.size()) - 1;
    }
    const int32_t link = unused_;
    unused_ = links_[link].next;
    links_[link] = {place, -1};
    return link;
  }

  std::vector<int32_t> ranks_;  // a heap, lowest on top
  absl::flat_hash_map<int32_t, Chain> places_;
  std::vector<Link> links_;
  int32_t unused_ = -1;  // the first of a chain of links
  int32_t last_rank_ = kNoRank;
  Chain* last_ = nullptr;
};

}  // namespace

absl::Status Bpe::AddMerge(int32_t left, int32_t right, int32_t result) {
  const auto rank = static_cast<int32_t>(merges_.size());
  if (!merges_.emplace(PairKey(left, right), Rule{rank, result}).second) {
    return absl::FailedPreconditionError(
        absl::StrCat("merge ", rank, " repeats the pair of tokens ", left, " and ", right));
  }
  results_.push_back(result);
  return absl::OkStatus();
}

const Bpe::Rule* Bpe::Find(int32_t left, int32_t right) const {
  const auto found = merges_.find(PairKey(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

int64_t Bpe::Merge(absl::string_view word, std::vector<int32_t>& ids) const {
  return word.size() <= kShortWord ? MergeShort(word, ids) : MergeLong(word, ids);
}

int64_t Bpe::MergeShort(absl::string_view word, std::vector<int32_t>& ids) const {
  int64_t looked_up = 0;
  std::array<int32_t, kShortWord> id;
  std::array<Rule, kShortWord> rule;  // of the pair that starts here
  auto count = static_cast<int>(word.size());
  const auto look_up = [&](int i) {
    if (i < 0 || i + 1 >= count) return;
    ++looked_up;
    const Rule* found = Find(id[i], id[i + 1]);
    rule[i] = found == nullptr ? Rule{kNoRank, -1} : *found;
  };
  for (int i = 0; i < count; ++i) id[i] = byte_ids_[static_cast<uint8_t>(word[i])];
  for (int i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    int best = 0;
    for (int i = 1; i + 1 < count; ++i) {
      if (rule[i].rank < rule[best].rank) best = i;
    }
    if (rule[best].rank == kNoRank) break;
    id[best] = rule[best].result;
    std::copy(id.begin() + best + 2, id.begin() + count, id.begin() + best + 1);
    std::copy(rule.begin() + best + 2, rule.begin() + count, rule.begin() + best + 1);
    --count;
    look_up(best - 1);
    look_up(best);
  }
  ids.insert(ids.end(), id.begin(), id.begin() + count);
  return looked_up;
}

int64_t Bpe::MergeLong(absl::string_view word, std::vector<int32_t>& ids) const {
  int64_t looked_up = 0;
  const auto count = static_cast<int32_t>(word.size());
  std::vector<Part> parts(count);
  MergeQueue queue;
  queue.Reserve(count);
  // The pair looked up last: on repeating text it mostly is the next one too.
  std::pair<int32_t, int32_t> known = {-1, -1};
  int32_t known_rank = kNoRank;
  // Gives the token at `place` its merge, and returns the rank.
  const auto look_up = [&](int32_t place) {
    Part& part = parts[place];
    part.rank = kNoRank;
    const int32_t next = place + part.length;
    if (next >= count) return kNoRank;
    ++looked_up;
    const std::pair<int32_t, int32_t> pair = {part.id, parts[next].id};
    if (pair != known) {
      known = pair;
      const Rule* rule = Find(pair.first, pair.second);
      known_rank = rule == nullptr ? kNoRank : rule->rank;
    }
    part.rank = known_rank;
    if (known_rank != kNoRank) queue.Push(known_rank, place);
    return known_rank;
  };
  for (int32_t i = 0; i < count; ++i) {
    parts[i] = {byte_ids_[static_cast<uint8_t>(word[i])], kNoRank, 1};
  }
  for (int32_t i = 0; i < count; ++i) look_up(i);
  std::vector<int32_t> places;
  while (!queue.empty()) {
    const int32_t rank = queue.Pop(places);
    for (size_t i = 0; i < places.size(); ++i) {
      const int32_t place = places[i];
      Part& left = parts[place];
      if (left.rank != rank) continue;
      Part& right = parts[place + left.length];
      right.rank = kNoRank;
      left.id = results_[rank];
      left.length += right.length;
      parts[place + left.length - 1].length = left.length;
      int32_t lowest = look_up(place);
      if (place > 0) lowest = std::min(lowest, look_up(place - parts[place - 1].length));
      if (lowest >= rank) continue;
      // Seldom: a token that several merges make. The lower rank goes first.
      for (++i; i < places.size(); ++i) queue.Push(rank, places[i]);
    }
  }
  for (int32_t i = 0; i < count; i += parts[i].length) ids.push_back(parts[i].id);
  return looked_up;
}

}  // namespace sightline::model
