#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/file.h"
#include "index/vector_code.h"

namespace sightline::index {

// Stored vectors as rows: half floats, the same as bytes, which searches go by first, and the
// number of the passage; numbers ascend. Memory is shared between copies and rows are only
// appended: a copy sees the rows it was made with, for ever. At most one thread appends, always to
// the newest copy of a lineage; all copies may be read meanwhile.
class VectorRows {
 public:
  static constexpr int64_t kBlockRows = 4096;

  // Bytes of a row in a segment's file: the number of the passage, little-endian, and the half
  // floats.
  static constexpr size_t FileRowBytes(int dimension) {
    return sizeof(uint32_t) + static_cast<size_t>(dimension) * sizeof(uint16_t);
  }

  // Grows as rows are appended.
  explicit VectorRows(int dimension)
      : dimension_(dimension),
        stride_(CodeStride(dimension)),
        halves_stride_(static_cast<size_t>(dimension)) {}
  // For at most `rows` rows, in one piece. Their half floats are read where they lie in `file`, one
  // row of FileRowBytes after the other, while memory holds the rest; without a file, all of them.
  VectorRows(int dimension, int64_t rows, std::shared_ptr<const MappedFile> file);

  int dimension() const { return dimension_; }
  int64_t size() const { return size_; }
  // The half floats are a file's.
  bool mapped() const { return !blocks_.empty() && blocks_.front().own_halves == nullptr; }

  // `dimension` half floats.
  const uint16_t* halves(int64_t row) const {
    return block(row).halves + static_cast<size_t>(row % kBlockRows) * halves_stride_;
  }
  // CodeStride(dimension) bytes, at the start of a cache line; so are the next rows of the block.
  const uint8_t* code(int64_t row) const {
    return block(row).codes + static_cast<size_t>(row % kBlockRows) * stride_;
  }
  const RowHead& head(int64_t row) const { return block(row).heads[row % kBlockRows]; }
  uint32_t passage(int64_t row) const { return head(row).passage; }
  // Of rows that are not empty.
  uint32_t first_passage() const { return passage(0); }
  uint32_t last_passage() const { return passage(size_ - 1); }

  // The row of a passage, -1: none.
  int64_t RowOf(uint32_t passage) const;
  // The first row, from `from` on, whose passage is not below `passage`; quick when it is near.
  int64_t RowAtOrAfter(uint32_t passage, int64_t from) const;

  // The first `rows` of these rows, to be read only.
  VectorRows Prefix(int64_t rows) const;

  // `halves` has `dimension` values, those of the row in the file where there is one; `passage` is
  // greater than every one before.
  void Append(uint32_t passage, const uint16_t* halves);
  // A row of others of the same dimension, without coding it again.
  void Append(const VectorRows& from, int64_t row);

 private:
  struct Block {
    std::shared_ptr<const void> memory;
    uint8_t* codes = nullptr;
    RowHead* heads = nullptr;
    const uint16_t* halves = nullptr;
    uint16_t* own_halves = nullptr;  // null: they are a file's
  };
  const Block& block(int64_t row) const { return blocks_[row / kBlockRows]; }
  const Block& BlockForNext();

  int dimension_;
  size_t stride_;
  size_t halves_stride_;  // half floats from one row to the next
  int64_t size_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace sightline::index
