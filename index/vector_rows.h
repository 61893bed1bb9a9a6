#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "index/stored_vector.h"
#include "index/vector_code.h"

namespace sightline::index {

// Stored vectors as rows: bytes, which searches go by first, the half floats that these are made
// from, unless the collection keeps bytes only, and the number of the passage; numbers ascend.
// Rows that a compact index is searched for have no bytes (has_codes).
// Memory is shared between copies and rows are only appended: a copy sees the rows it was made
// with, for ever. At most one thread appends, always to the newest copy of a lineage; all copies
// may be read meanwhile.
class VectorRows {
 public:
  static constexpr int64_t kBlockRows = 4096;

  // Bytes of a row in a segment's file: the number of the passage, little-endian, and the vector as
  // it is stored.
  static constexpr size_t FileRowBytes(VectorCodes codes, int dimension) {
    return sizeof(uint32_t) + StoredVectorBytes(codes, dimension);
  }

  // Grows as rows are appended.
  explicit VectorRows(int dimension, VectorCodes codes = VectorCodes::kFloat16)
      : dimension_(dimension),
        codes_(codes),
        stride_(CodeStride(dimension)),
        halves_stride_(KeepsHalves(codes) ? static_cast<size_t>(dimension) : 0) {}
  // For at most `rows` rows, in one piece. Their half floats are read where they lie in `file`, one
  // row of FileRowBytes after the other, while memory holds the rest; without a file, all of them.
  // `file` is null for bytes only. Where IsCompact(codes) they have no bytes.
  VectorRows(int dimension, VectorCodes codes, int64_t rows,
             std::shared_ptr<const MappedFile> file);

  int dimension() const { return dimension_; }
  VectorCodes codes() const { return codes_; }
  int64_t size() const { return size_; }
  // Without, there are half floats and passages alone, and neither code() nor head().
  bool has_codes() const { return stride_ > 0; }
  // The half floats are a file's.
  bool mapped() const {
    return KeepsHalves(codes_) && !blocks_.empty() && blocks_.front().own_halves == nullptr;
  }

  // `dimension` half floats; there are none where codes() are kInt8.
  const uint16_t* halves(int64_t row) const {
    return block(row).halves + static_cast<size_t>(row % kBlockRows) * halves_stride_;
  }
  // CodeStride(dimension) bytes, at the start of a cache line; so are the next rows of the block.
  const uint8_t* code(int64_t row) const {
    return block(row).codes + static_cast<size_t>(row % kBlockRows) * stride_;
  }
  const RowHead& head(int64_t row) const { return block(row).heads[row % kBlockRows]; }
  uint32_t passage(int64_t row) const {
    return block(row).passages[static_cast<size_t>(row % kBlockRows) * passage_stride_];
  }
  // Of rows that are not empty.
  uint32_t first_passage() const { return passage(0); }
  uint32_t last_passage() const { return passage(size_ - 1); }

  // The inner product of a row as it is stored, and what Score reads, asked for ahead.
  float Score(std::span<const float> query, int64_t row) const;
  void FetchForScore(int64_t row) const;
  // Its values; `out` has room for the dimension.
  void Widen(int64_t row, float* out) const;
  // The vector as it is stored.
  std::string Stored(int64_t row) const;

  // The row of a passage, -1: none.
  int64_t RowOf(uint32_t passage) const;
  // The first row, from `from` on, whose passage is not below `passage`; quick when it is near.
  int64_t RowAtOrAfter(uint32_t passage, int64_t from) const;

  // The first `rows` of these rows, to be read only.
  VectorRows Prefix(int64_t rows) const;

  // `stored` is a vector as it is stored, that of the row in the file where there is one, at an
  // address for half floats; `passage` is greater than every one before.
  void Append(uint32_t passage, const void* stored);
  // A row of others of the same dimension and codes, without coding it again where both have bytes.
  void Append(const VectorRows& from, int64_t row);

 private:
  struct Block {
    std::shared_ptr<const void> memory;
    uint8_t* codes = nullptr;
    RowHead* heads = nullptr;
    uint32_t* passages = nullptr;  // in the heads, where there are any
    const uint16_t* halves = nullptr;
    uint16_t* own_halves = nullptr;  // null: they are a file's
  };
  const Block& block(int64_t row) const { return blocks_[row / kBlockRows]; }
  size_t passage_bytes() const { return passage_stride_ * sizeof(uint32_t); }
  const Block& BlockForNext();

  int dimension_;
  VectorCodes codes_;
  size_t stride_;
  size_t passage_stride_ = sizeof(RowHead) / sizeof(uint32_t);
  size_t halves_stride_;  // half floats from one row to the next
  int64_t size_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace sightline::index
