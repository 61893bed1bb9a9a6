#include "index/document_table.h"

namespace sightline::index {

void DocumentTable::Set(uint32_t number, std::shared_ptr<const DocumentEntry> entry) {
  const size_t place = number / kBlockSize;
  if (place >= blocks_.size()) blocks_.resize(place + 1);
  auto block = blocks_[place] == nullptr ? std::make_shared<Block>()
                                         : std::make_shared<Block>(*blocks_[place]);
  (*block)[number % kBlockSize] = std::move(entry);
  blocks_[place] = std::move(block);
}

void DocumentTable::Remove(uint32_t number) {
  if (at(number) != nullptr) Set(number, nullptr);
}

}  // namespace sightline::index
