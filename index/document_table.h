#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "index/metadata.h"

namespace sightline::index {

// What filters need to know of a document.
struct DocumentEntry {
  std::string id;
  std::string source;
  std::string media_type;
  Metadata metadata;
  std::optional<absl::Time> date;  // of the metadata field `date`, else `taken`
};

// The live documents by number, in shared blocks: a copy is cheap and changing it leaves the
// original alone.
class DocumentTable {
 public:
  // Replaces what is there.
  void Set(uint32_t number, std::shared_ptr<const DocumentEntry> entry);
  void Remove(uint32_t number);

  // Null: no such document.
  const DocumentEntry* at(uint32_t number) const {
    const size_t block = number / kBlockSize;
    if (block >= blocks_.size() || blocks_[block] == nullptr) return nullptr;
    return (*blocks_[block])[number % kBlockSize].get();
  }
  // One more than the greatest number that may be there.
  uint32_t limit() const { return static_cast<uint32_t>(blocks_.size() * kBlockSize); }

 private:
  static constexpr size_t kBlockSize = 256;
  using Block = std::array<std::shared_ptr<const DocumentEntry>, kBlockSize>;

  std::vector<std::shared_ptr<const Block>> blocks_;
};

}  // namespace sightline::index
