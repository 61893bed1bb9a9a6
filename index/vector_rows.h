#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sightline::index {

// Stored vectors as rows of half floats, each with the number of its passage; numbers ascend.
// Blocks are shared between copies and rows are only appended: a copy sees the rows it was made
// with, for ever. At most one thread appends, always to the newest copy of a lineage; all copies
// may be read meanwhile.
class VectorRows {
 public:
  static constexpr int64_t kBlockRows = 1024;

  explicit VectorRows(int dimension) : dimension_(dimension) {}

  int dimension() const { return dimension_; }
  int64_t size() const { return size_; }
  const uint16_t* codes(int64_t row) const {
    return blocks_[row / kBlockRows]->codes.get() +
           static_cast<size_t>(row % kBlockRows) * static_cast<size_t>(dimension_);
  }
  uint32_t passage(int64_t row) const {
    return blocks_[row / kBlockRows]->passage[row % kBlockRows];
  }
  // The row of a passage, -1: none.
  int64_t RowOf(uint32_t passage) const;

  // The first `rows` of these rows, to be read only.
  VectorRows Prefix(int64_t rows) const;

  // `codes` has `dimension` values; `passage` is greater than every one before.
  void Append(uint32_t passage, const uint16_t* codes);

 private:
  struct Block {
    explicit Block(int dimension)
        : codes(new uint16_t[static_cast<size_t>(kBlockRows) * static_cast<size_t>(dimension)]) {}
    uint32_t passage[kBlockRows];
    const std::unique_ptr<uint16_t[]> codes;
  };

  int dimension_;
  int64_t size_ = 0;
  std::vector<std::shared_ptr<Block>> blocks_;
};

}  // namespace sightline::index
