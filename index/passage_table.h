#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "index/key_codec.h"
#include "index/passage_set.h"
#include "index/records.h"

namespace sightline::index {

// What search needs to know of each passage, by number. Blocks are shared between copies: a passage
// is written once, before the copy that names it is published, and never changed; only the set of
// live ones differs. At most one thread adds, always to the newest copy; all copies may be read
// meanwhile.
class PassageTable {
 public:
  struct Block {
    uint32_t document[kBucketSize];
    uint32_t length[kBucketSize];
    uint32_t page[kBucketSize];
    uint8_t kind[kBucketSize];
  };

  void Add(uint32_t number, uint32_t document, const PassageSummary& summary);
  void Remove(uint32_t first, uint32_t count);

  const PassageSet& live() const { return live_; }
  // Not null where live() has a block.
  const Block* block_at(uint32_t bucket) const {
    return bucket < blocks_.size() ? blocks_[bucket].get() : nullptr;
  }
  // Of a passage that is live.
  uint32_t document(uint32_t number) const {
    return blocks_[number >> kBucketBits]->document[number & (kBucketSize - 1)];
  }
  uint32_t length(uint32_t number) const {
    return blocks_[number >> kBucketBits]->length[number & (kBucketSize - 1)];
  }

 private:
  std::vector<std::shared_ptr<Block>> blocks_;
  PassageSet live_;
};

}  // namespace sightline::index
