#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "index/page_block.h"
#include "index/vector_code.h"

namespace sightline::index {

// Stored vectors as rows: half floats, the same as bytes, which searches go by first, and the
// number of the passage; numbers ascend. Blocks are shared between copies and rows are only
// appended: a copy sees the rows it was made with, for ever. At most one thread appends, always to
// the newest copy of a lineage; all copies may be read meanwhile.
class VectorRows {
 public:
  static constexpr int64_t kBlockRows = 4096;

  explicit VectorRows(int dimension) : dimension_(dimension), stride_(CodeStride(dimension)) {}

  int dimension() const { return dimension_; }
  int64_t size() const { return size_; }

  // `dimension` half floats.
  const uint16_t* halves(int64_t row) const {
    return block(row).halves +
           static_cast<size_t>(row % kBlockRows) * static_cast<size_t>(dimension_);
  }
  // CodeStride(dimension) bytes, at the start of a cache line; so are the next rows of the block.
  const uint8_t* code(int64_t row) const {
    return block(row).codes + static_cast<size_t>(row % kBlockRows) * stride_;
  }
  const RowHead& head(int64_t row) const { return block(row).heads[row % kBlockRows]; }
  uint32_t passage(int64_t row) const { return head(row).passage; }

  // The row of a passage, -1: none.
  int64_t RowOf(uint32_t passage) const;
  // The first row, from `from` on, whose passage is not below `passage`; quick when it is near.
  int64_t RowAtOrAfter(uint32_t passage, int64_t from) const;

  // The first `rows` of these rows, to be read only.
  VectorRows Prefix(int64_t rows) const;

  // `halves` has `dimension` values; `passage` is greater than every one before.
  void Append(uint32_t passage, const uint16_t* halves);

 private:
  struct Block {
    Block(int dimension, bool huge);
    const PageBlock memory;
    uint8_t* const codes;
    uint16_t* const halves;
    RowHead* const heads;
  };
  const Block& block(int64_t row) const { return *blocks_[row / kBlockRows]; }

  int dimension_;
  size_t stride_;
  int64_t size_ = 0;
  std::vector<std::shared_ptr<Block>> blocks_;
};

}  // namespace sightline::index
