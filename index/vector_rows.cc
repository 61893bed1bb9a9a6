#include "index/vector_rows.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "index/page_block.h"

namespace sightline::index {
namespace {

constexpr size_t kRows = VectorRows::kBlockRows;

std::shared_ptr<PageBlock> Memory(size_t bytes, bool huge) {
  return std::make_shared<PageBlock>(bytes, huge && bytes >= PageBlock::kHugePage);
}

}  // namespace

VectorRows::VectorRows(int dimension, int64_t rows, std::shared_ptr<const MappedFile> file)
    : VectorRows(dimension) {
  struct Pieces {
    std::shared_ptr<PageBlock> codes;
    std::shared_ptr<PageBlock> halves;
    std::shared_ptr<const MappedFile> file;
  };
  const auto count = static_cast<size_t>(rows);
  auto pieces = std::make_shared<Pieces>();
  pieces->codes = Memory(count * (stride_ + sizeof(RowHead)), true);
  auto* const codes = reinterpret_cast<uint8_t*>(pieces->codes->data());
  auto* const heads = reinterpret_cast<RowHead*>(codes + count * stride_);
  uint16_t* own = nullptr;
  const uint16_t* halves = nullptr;
  if (file == nullptr) {
    pieces->halves = Memory(count * halves_stride_ * sizeof(uint16_t), true);
    halves = own = reinterpret_cast<uint16_t*>(pieces->halves->data());
  } else {
    halves_stride_ = FileRowBytes(dimension) / sizeof(uint16_t);
    halves = reinterpret_cast<const uint16_t*>(file->bytes().data() + sizeof(uint32_t));
    pieces->file = std::move(file);
  }
  for (size_t row = 0; row < count; row += kRows) {
    blocks_.push_back({pieces, codes + row * stride_, heads + row, halves + row * halves_stride_,
                       own == nullptr ? nullptr : own + row * halves_stride_});
  }
}

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

const VectorRows::Block& VectorRows::BlockForNext() {
  if (static_cast<size_t>(size_) == blocks_.size() * kRows) {
    const size_t halves = kRows * halves_stride_;
    // Not the first block: small collections are many, and a huge page each would be a waste.
    auto memory =
        Memory(kRows * (stride_ + sizeof(RowHead)) + halves * sizeof(uint16_t), !blocks_.empty());
    Block block;
    block.codes = reinterpret_cast<uint8_t*>(memory->data());
    block.halves = block.own_halves = reinterpret_cast<uint16_t*>(block.codes + kRows * stride_);
    block.heads = reinterpret_cast<RowHead*>(block.own_halves + halves);
    block.memory = std::move(memory);
    blocks_.push_back(std::move(block));
  }
  return block(size_);
}

void VectorRows::Append(uint32_t passage, const uint16_t* halves) {
  const Block& block = BlockForNext();
  const auto place = static_cast<size_t>(size_ % kBlockRows);
  if (block.own_halves != nullptr) {
    std::copy_n(halves, dimension_, block.own_halves + place * halves_stride_);
  }
  block.heads[place] = EncodeRow(halves, dimension_, block.codes + place * stride_);
  block.heads[place].passage = passage;
  ++size_;
}

void VectorRows::Append(const VectorRows& from, int64_t row) {
  const Block& block = BlockForNext();
  const auto place = static_cast<size_t>(size_ % kBlockRows);
  if (block.own_halves != nullptr) {
    std::copy_n(from.halves(row), dimension_, block.own_halves + place * halves_stride_);
  }
  block.heads[place] = from.head(row);
  std::memcpy(block.codes + place * stride_, from.code(row), stride_);
  ++size_;
}

}  // namespace sightline::index
