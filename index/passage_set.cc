#include "index/passage_set.h"

#include <algorithm>

namespace sightline::index {

std::shared_ptr<PassageSet::Block> PassageSet::Own(uint32_t bucket) {
  if (bucket >= blocks_.size()) blocks_.resize(bucket + 1);
  auto own = blocks_[bucket] == nullptr ? std::make_shared<Block>()
                                        : std::make_shared<Block>(*blocks_[bucket]);
  if (blocks_[bucket] == nullptr) own->fill(0);
  return own;
}

void PassageSet::Insert(uint32_t number) {
  if (Contains(number)) return;
  const uint32_t bucket = number >> kBucketBits;
  const uint32_t place = number & (kBucketSize - 1);
  auto block = Own(bucket);
  (*block)[place / 64] |= uint64_t{1} << (place % 64);
  blocks_[bucket] = std::move(block);
  ++size_;
}

void PassageSet::Remove(uint32_t first, uint32_t count) {
  const uint64_t end = static_cast<uint64_t>(first) + count;
  for (uint64_t at = first; at < end;) {
    const auto bucket = static_cast<uint32_t>(at >> kBucketBits);
    const uint64_t stop =
        std::min<uint64_t>(end, (static_cast<uint64_t>(bucket) + 1) << kBucketBits);
    if (block_at(bucket) == nullptr) {
      at = stop;
      continue;
    }
    auto block = Own(bucket);
    for (; at < stop; ++at) {
      const auto place = static_cast<uint32_t>(at & (kBucketSize - 1));
      uint64_t& word = (*block)[place / 64];
      const uint64_t bit = uint64_t{1} << (place % 64);
      if ((word & bit) != 0) --size_;
      word &= ~bit;
    }
    const bool empty = std::all_of(block->begin(), block->end(), [](uint64_t w) { return w == 0; });
    blocks_[bucket] = empty ? nullptr : std::move(block);
  }
}

void PassageSet::SetBlock(uint32_t bucket, std::shared_ptr<const Block> block) {
  if (bucket >= blocks_.size()) blocks_.resize(bucket + 1);
  for (const uint64_t word : *block) size_ += std::popcount(word);
  blocks_[bucket] = std::move(block);
}

}  // namespace sightline::index
