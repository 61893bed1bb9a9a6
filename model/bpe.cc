#include "model/bpe.h"

#include <algorithm>
#include <functional>
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

// One part of a long word, and the merge with the part after it.
struct Part {
  int32_t id;
  int32_t previous;
  int32_t next;  // -1: the last
  int32_t rank;  // kNoRank: no merge; merged away parts have none either
  int32_t result;
};

// A merge to be done, as one number that sorts by rank and then by place.
uint64_t Task(int32_t rank, int32_t place) { return PairKey(rank, place); }

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
  std::vector<Part> parts(count);
  std::vector<uint64_t>
      tasks;  // a heap, lowest on top; one is void once its part's rank has changed
  tasks.reserve(count);
  // True when the part at `place` can merge, and so has a new task.
  const auto look_up = [&](int32_t place) {
    Part& part = parts[place];
    part.rank = kNoRank;
    if (part.next < 0) return false;
    ++looked_up;
    const Rule* rule = Find(part.id, parts[part.next].id);
    if (rule == nullptr) return false;
    part.rank = rule->rank;
    part.result = rule->result;
    tasks.push_back(Task(part.rank, place));
    return true;
  };
  for (int32_t i = 0; i < count; ++i) {
    parts[i] = {byte_ids_[static_cast<uint8_t>(word[i])], i - 1, i + 1 < count ? i + 1 : -1,
                kNoRank, -1};
  }
  for (int32_t i = 0; i < count; ++i) look_up(i);
  std::make_heap(tasks.begin(), tasks.end(), std::greater<>());
  while (!tasks.empty()) {
    std::pop_heap(tasks.begin(), tasks.end(), std::greater<>());
    const uint64_t task = tasks.back();
    tasks.pop_back();
    const auto place = static_cast<int32_t>(task & 0xFFFFFFFF);
    Part& left = parts[place];
    if (left.rank == kNoRank || Task(left.rank, place) != task) continue;
    Part& right = parts[left.next];
    left.id = left.result;
    left.next = right.next;
    right.rank = kNoRank;
    if (left.next >= 0) parts[left.next].previous = place;
    for (int32_t changed : {left.previous, place}) {
      if (changed >= 0 && look_up(changed)) {
        std::push_heap(tasks.begin(), tasks.end(), std::greater<>());
      }
    }
  }
  for (int32_t i = 0; i >= 0; i = parts[i].next) ids.push_back(parts[i].id);
  return looked_up;
}

}  // namespace sightline::model
