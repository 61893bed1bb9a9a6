#include "index/vector_rows.h"

#include <algorithm>

namespace sightline::index {

int64_t VectorRows::RowOf(uint32_t passage) const {
  int64_t low = 0;
  int64_t high = size_;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (this->passage(middle) < passage) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < size_ && this->passage(low) == passage ? low : -1;
}

VectorRows VectorRows::Prefix(int64_t rows) const {
  VectorRows out = *this;
  out.size_ = std::min(rows, size_);
  out.blocks_.resize((out.size_ + kBlockRows - 1) / kBlockRows);
  return out;
}

void VectorRows::Append(uint32_t passage, const uint16_t* codes) {
  if (size_ % kBlockRows == 0) blocks_.push_back(std::make_shared<Block>(dimension_));
  Block& block = *blocks_.back();
  const int64_t place = size_ % kBlockRows;
  block.passage[place] = passage;
  std::copy_n(codes, dimension_, block.codes.get() + place * dimension_);
  ++size_;
}

}  // namespace sightline::index
