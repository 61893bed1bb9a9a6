#include "index/passage_table.h"

namespace sightline::index {

void PassageTable::Add(uint32_t number, uint32_t document, const PassageSummary& summary) {
  const uint32_t bucket = number >> kBucketBits;
  const uint32_t place = number & (kBucketSize - 1);
  if (bucket >= blocks_.size()) blocks_.resize(bucket + 1);
  if (blocks_[bucket] == nullptr) blocks_[bucket] = std::make_shared<Block>();
  Block& block = *blocks_[bucket];
  block.document[place] = document;
  block.length[place] = summary.length;
  block.page[place] = summary.page;
  block.kind[place] = static_cast<uint8_t>(summary.kind);
  live_.Insert(number);
}

void PassageTable::Remove(uint32_t first, uint32_t count) {
  if (count == 0) return;
  live_.Remove(first, count);
  // A block no passage lives in goes, unless the next numbers will still be put there.
  const uint32_t last_bucket = (first + count - 1) >> kBucketBits;
  for (uint32_t bucket = first >> kBucketBits; bucket <= last_bucket; ++bucket) {
    if (live_.block_at(bucket) == nullptr && bucket + 1 < blocks_.size()) blocks_[bucket] = nullptr;
  }
}

}  // namespace sightline::index
