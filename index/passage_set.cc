#include "index/passage_set.h"

#include <algorithm>

namespace sightline::index {

std::shared_ptr<PassageSet::Block> PassageSet::Own(uint32_t bucket) {
  if (bucket >= blocks_.size()) {
    blocks_.resize(bucket + 1);
    counts_.resize(bucket + 1);
  }
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
  ++counts_[bucket];
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
      if ((word & bit) != 0) {
        --counts_[bucket];
        --size_;
      }
      word &= ~bit;
    }
    blocks_[bucket] = counts_[bucket] == 0 ? nullptr : std::move(block);
  }
}

void PassageSet::SetBlock(uint32_t bucket, std::shared_ptr<const Block> block) {
  if (bucket >= blocks_.size()) {
    blocks_.resize(bucket + 1);
    counts_.resize(bucket + 1);
  }
  for (const uint64_t word : *block) counts_[bucket] += static_cast<uint32_t>(std::popcount(word));
  size_ += counts_[bucket];
  blocks_[bucket] = std::move(block);
}

int64_t PassageSet::Count(uint32_t first, uint32_t last) const {
  if (first > last || blocks_.empty()) return 0;
  int64_t count = 0;
  const uint32_t first_bucket = first >> kBucketBits;
  const uint32_t last_bucket = std::min(last >> kBucketBits, buckets() - 1);
  for (uint32_t bucket = first_bucket; bucket <= last_bucket; ++bucket) {
    const uint32_t begin = bucket << kBucketBits;
    const uint32_t end = begin + (kBucketSize - 1);
    if (first <= begin && end <= last) {
      count += counts_[bucket];
      continue;
    }
    if (block_at(bucket) == nullptr) continue;
    const uint32_t stop = std::min(last, end);
    for (uint64_t at = std::max(first, begin); at <= stop; at += 64) {
      const auto left = static_cast<uint32_t>(std::min<uint64_t>(64, stop - at + 1));
      count += std::popcount(Bits(static_cast<uint32_t>(at), left));
    }
  }
  return count;
}

}  // namespace sightline::index
