#include "index/vector_rows.h"

#include <algorithm>

namespace sightline::index {
namespace {

constexpr size_t kRows = VectorRows::kBlockRows;

size_t BlockBytes(int dimension) {
  return kRows * (CodeStride(dimension) + static_cast<size_t>(dimension) * sizeof(uint16_t) +
                  sizeof(RowHead));
}

}  // namespace

VectorRows::Block::Block(int dimension, bool huge)
    : memory(BlockBytes(dimension), huge && BlockBytes(dimension) >= PageBlock::kHugePage),
      codes(reinterpret_cast<uint8_t*>(memory.data())),
      halves(reinterpret_cast<uint16_t*>(codes + kRows * CodeStride(dimension))),
      heads(reinterpret_cast<RowHead*>(halves + kRows * static_cast<size_t>(dimension))) {}

int64_t VectorRows::RowAtOrAfter(uint32_t passage, int64_t from) const {
  int64_t step = 1;
  int64_t low = from;
  while (low + step < size_ && this->passage(low + step) < passage) {
    low += step;
    step *= 2;
  }
  int64_t high = std::min(low + step, size_);
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (this->passage(middle) < passage) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

int64_t VectorRows::RowOf(uint32_t passage) const {
  const int64_t row = RowAtOrAfter(passage, 0);
  return row < size_ && this->passage(row) == passage ? row : -1;
}

VectorRows VectorRows::Prefix(int64_t rows) const {
  VectorRows out = *this;
  out.size_ = std::min(rows, size_);
  out.blocks_.resize((out.size_ + kBlockRows - 1) / kBlockRows);
  return out;
}

void VectorRows::Append(uint32_t passage, const uint16_t* halves) {
  // Not the first block: small collections are many, and a huge page each would be a waste.
  if (size_ % kBlockRows == 0) {
    blocks_.push_back(std::make_shared<Block>(dimension_, !blocks_.empty()));
  }
  const Block& block = *blocks_.back();
  const auto place = static_cast<size_t>(size_ % kBlockRows);
  std::copy_n(halves, dimension_, block.halves + place * static_cast<size_t>(dimension_));
  block.heads[place] = EncodeRow(halves, dimension_, block.codes + place * stride_);
  block.heads[place].passage = passage;
  ++size_;
}

}  // namespace sightline::index
