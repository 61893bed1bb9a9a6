#include "model/bpe.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

namespace sightline::model {
namespace {

constexpr size_t kShortWord =
    32;  // bytes; below, looking at every pair each time is faster than a heap
constexpr int32_t kNoRank = std::numeric_limits<int32_t>::max();

uint64_t PairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// A merge that was possible when it was pushed.
struct Candidate {
  int32_t rank;
  int32_t position;  // of the left symbol
  int32_t left;      // ids at that time: a changed one makes the candidate void
  int32_t right;
  int32_t result;
  // For a heap whose top is the lowest rank, leftmost first.
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

struct Symbol {
  int32_t id;  // -1: merged away
  int32_t previous;
  int32_t next;
};

}  // namespace

absl::Status Bpe::AddMerge(int32_t left, int32_t right, int32_t result) {
  const auto rank = static_cast<int32_t>(merges_.size());
  if (!merges_.emplace(PairKey(left, right), Rule{rank, result}).second) {
    return absl::FailedPreconditionError(
        absl::StrCat("merge ", rank, " repeats the pair of tokens ", left, " and ", right));
  }
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
  std::vector<Symbol> symbols(count);
  std::vector<Candidate> heap;
  heap.reserve(count);
  const auto candidate = [&](int32_t position) {
    const int32_t next = symbols[position].next;
    if (next < 0) return false;
    ++looked_up;
    const Rule* rule = Find(symbols[position].id, symbols[next].id);
    if (rule == nullptr) return false;
    heap.push_back({rule->rank, position, symbols[position].id, symbols[next].id, rule->result});
    return true;
  };
  for (int32_t i = 0; i < count; ++i) {
    symbols[i] = {byte_ids_[static_cast<uint8_t>(word[i])], i - 1, i + 1 < count ? i + 1 : -1};
  }
  for (int32_t i = 0; i < count; ++i) candidate(i);
  std::make_heap(heap.begin(), heap.end());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Candidate best = heap.back();
    heap.pop_back();
    Symbol& left = symbols[best.position];
    if (left.id != best.left || left.next < 0 || symbols[left.next].id != best.right) continue;
    Symbol& right = symbols[left.next];
    left.id = best.result;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.position;
    if (left.previous >= 0 && candidate(left.previous)) std::push_heap(heap.begin(), heap.end());
    if (candidate(best.position)) std::push_heap(heap.begin(), heap.end());
  }
  for (int32_t i = 0; i >= 0; i = symbols[i].next) ids.push_back(symbols[i].id);
  return looked_up;
}

}  // namespace sightline::model
