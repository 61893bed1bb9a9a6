#include "index/near_pictures.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/status.h"

namespace sightline::index {
namespace {

// Hashes that differ in kNearBits bits at most agree in one of so many parts at least.
constexpr int kParts = kNearBits + 1;

uint64_t Part(uint64_t hash, int part) {
  const int begin = 64 * part / kParts, end = 64 * (part + 1) / kParts;
  return hash >> begin & ((uint64_t{1} << (end - begin)) - 1);
}

class Groups {
 public:
  explicit Groups(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0); }
  size_t Of(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  // The lower one stands for both.
  void Join(size_t a, size_t b) {
    a = Of(a);
    b = Of(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<size_t> parent_;
};

}  // namespace

bool HashesAreNear(uint64_t a, uint64_t b) { return std::popcount(a ^ b) <= kNearBits; }

absl::StatusOr<std::vector<std::vector<size_t>>> GroupNearPictures(
    std::span<const PictureMark> marks,
    const std::function<absl::StatusOr<bool>(size_t a, size_t b)>& alike) {
  Groups groups(marks.size());
  for (int part = 0; part < kParts; ++part) {
    absl::flat_hash_map<uint64_t, std::vector<size_t>> buckets;
    for (size_t i = 0; i < marks.size(); ++i) {
      std::vector<size_t>& bucket = buckets[Part(marks[i].hash, part)];
      for (const size_t other : bucket) {
        if (!HashesAreNear(marks[other].hash, marks[i].hash)) continue;
        if (groups.Of(other) == groups.Of(i)) continue;
        SL_ASSIGN_OR_RETURN(const bool same, alike(other, i));
        if (same) groups.Join(other, i);
      }
      bucket.push_back(i);
    }
  }
  std::map<size_t, std::vector<size_t>> members;  // by the first of each
  for (size_t i = 0; i < marks.size(); ++i) members[groups.Of(i)].push_back(i);
  std::vector<std::vector<size_t>> out;
  for (auto& [first, group] : members) {
    if (group.size() > 1) out.push_back(std::move(group));
  }
  return out;
}

}  // namespace sightline::index
