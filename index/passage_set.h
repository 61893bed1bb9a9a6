#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "index/key_codec.h"

namespace sightline::index {

// A set of passage numbers as bits, in shared blocks of kBucketSize: a copy costs one pointer a
// block, and changing a copy leaves the original alone. Copies may be read from any thread.
class PassageSet {
 public:
  using Block = std::array<uint64_t, kBucketSize / 64>;

  bool Contains(uint32_t number) const {
    const Block* block = block_at(number >> kBucketBits);
    const uint32_t place = number & (kBucketSize - 1);
    return block != nullptr && ((*block)[place / 64] >> (place % 64) & 1) != 0;
  }
  // Which of `count` numbers from `first` on, at most 64, are in the set; the first as bit 0.
  uint64_t Bits(uint32_t first, uint32_t count) const {
    const uint64_t wanted = count == 0 ? 0 : ~uint64_t{0} >> (64 - count);
    const uint32_t place = first % 64;
    const uint64_t low = Word(first / 64) >> place;
    return (place == 0 ? low : low | Word(first / 64 + 1) << (64 - place)) & wanted;
  }
  // Null: none of the block's numbers is in the set.
  const Block* block_at(uint32_t bucket) const {
    return bucket < blocks_.size() ? blocks_[bucket].get() : nullptr;
  }
  uint32_t buckets() const { return static_cast<uint32_t>(blocks_.size()); }
  int64_t size() const { return size_; }
  // How many of the set lie in [first, last]; looks at two blocks and one number for each between.
  int64_t Count(uint32_t first, uint32_t last) const;

  void Insert(uint32_t number);
  // Removes [first, first + count).
  void Remove(uint32_t first, uint32_t count);
  // Puts a whole block in an empty place.
  void SetBlock(uint32_t bucket, std::shared_ptr<const Block> block);

  // Calls `visit` with each number, ascending; or with each in [first, last].
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    ForEach(0, UINT32_MAX, visit);
  }
  template <typename Visit>
  void ForEach(uint32_t first, uint32_t last, const Visit& visit) const {
    for (uint32_t bucket = first >> kBucketBits; bucket < buckets(); ++bucket) {
      const uint32_t begin = bucket << kBucketBits;
      if (begin > last) return;
      const Block* block = block_at(bucket);
      if (block == nullptr) continue;
      for (uint32_t word = 0; word < block->size(); ++word) {
        for (uint64_t bits = (*block)[word]; bits != 0; bits &= bits - 1) {
          const uint32_t number = begin + word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
          if (number < first) continue;
          if (number > last) return;
          visit(number);
        }
      }
    }
  }

 private:
  uint64_t Word(uint32_t word) const {
    constexpr uint32_t kWords = kBucketSize / 64;
    const Block* block = block_at(word / kWords);
    return block == nullptr ? 0 : (*block)[word % kWords];
  }
  // A copy of the block that only this set holds, made when there is none.
  std::shared_ptr<Block> Own(uint32_t bucket);

  std::vector<std::shared_ptr<const Block>> blocks_;
  std::vector<uint32_t> counts_;  // of each block
  int64_t size_ = 0;
};

}  // namespace sightline::index
