#include "index/vector_rows.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "index/page_block.h"
#include "index/prefetch.h"
#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

constexpr size_t kRows = VectorRows::kBlockRows;

std::shared_ptr<PageBlock> Memory(size_t bytes, bool huge) {
  return std::make_shared<PageBlock>(bytes, huge && bytes >= PageBlock::kHugePage);
}

// Of a vector stored as bytes, which go to `code`. Nothing is left over: they are the vector.
RowHead DecodeHead(const void* stored, int dimension, uint8_t* code) {
  const auto count = static_cast<size_t>(dimension);
  RowHead head;
  std::memcpy(&head.scale, stored, sizeof(head.scale));
  std::memcpy(code, static_cast<const uint8_t*>(stored) + sizeof(head.scale), count);
  std::memset(code + count, 128, CodeStride(dimension) - count);
  for (size_t i = 0; i < count; ++i) head.sum += code[i] - 128;
  return head;
}

}  // namespace

VectorRows::VectorRows(int dimension, VectorCodes kept, int64_t rows,
                       std::shared_ptr<const MappedFile> file)
    : VectorRows(dimension, kept) {
  struct Pieces {
    std::shared_ptr<PageBlock> codes;
    std::shared_ptr<PageBlock> halves;
    std::shared_ptr<const MappedFile> file;
  };
  if (IsCompact(kept)) {
    stride_ = 0;
    passage_stride_ = 1;
  }
  const auto count = static_cast<size_t>(rows);
  auto pieces = std::make_shared<Pieces>();
  pieces->codes = Memory(count * (stride_ + passage_bytes()), true);
  auto* const codes = reinterpret_cast<uint8_t*>(pieces->codes->data());
  uint8_t* const heads = codes + count * stride_;
  uint16_t* own = nullptr;
  const uint16_t* halves = nullptr;
  if (!KeepsHalves(kept)) {
    // All there is are the bytes.
  } else if (file == nullptr) {
    pieces->halves = Memory(count * halves_stride_ * sizeof(uint16_t), true);
    halves = own = reinterpret_cast<uint16_t*>(pieces->halves->data());
  } else {
    halves_stride_ = FileRowBytes(kept, dimension) / sizeof(uint16_t);
    halves = reinterpret_cast<const uint16_t*>(file->bytes().data() + sizeof(uint32_t));
    pieces->file = std::move(file);
  }
  for (size_t row = 0; row < count; row += kRows) {
    uint8_t* const head = heads + row * passage_bytes();
    blocks_.push_back({pieces, codes + row * stride_,
                       has_codes() ? reinterpret_cast<RowHead*>(head) : nullptr,
                       reinterpret_cast<uint32_t*>(head),
                       halves == nullptr ? nullptr : halves + row * halves_stride_,
                       own == nullptr ? nullptr : own + row * halves_stride_});
  }
}

float VectorRows::Score(std::span<const float> query, int64_t row) const {
  const VectorKernels& kernels = BestKernels();
  if (KeepsHalves(codes_)) return kernels.dot(query.data(), halves(row), query.size());
  return kernels.dot_bytes(query.data(), code(row), query.size()) * head(row).scale;
}

void VectorRows::FetchForScore(int64_t row) const {
  if (KeepsHalves(codes_)) {
    Prefetch(halves(row), static_cast<size_t>(dimension_) * sizeof(uint16_t));
  } else {
    Prefetch(code(row), stride_);
  }
}

void VectorRows::Widen(int64_t row, float* out) const {
  if (KeepsHalves(codes_)) {
    BestKernels().widen(halves(row), static_cast<size_t>(dimension_), out);
    return;
  }
  const float scale = head(row).scale;
  for (int i = 0; i < dimension_; ++i) out[i] = scale * static_cast<float>(code(row)[i] - 128);
}

std::string VectorRows::Stored(int64_t row) const {
  std::string out(StoredVectorBytes(codes_, dimension_), '\0');
  if (KeepsHalves(codes_)) {
    std::memcpy(out.data(), halves(row), out.size());
    return out;
  }
  std::memcpy(out.data(), &head(row).scale, sizeof(float));
  std::memcpy(out.data() + sizeof(float), code(row), out.size() - sizeof(float));
  return out;
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
    block.heads = reinterpret_cast<RowHead*>(block.codes + kRows * stride_);
    block.passages = reinterpret_cast<uint32_t*>(block.heads);
    if (halves > 0) {
      block.halves = block.own_halves = reinterpret_cast<uint16_t*>(block.heads + kRows);
    }
    block.memory = std::move(memory);
    blocks_.push_back(std::move(block));
  }
  return block(size_);
}

void VectorRows::Append(uint32_t passage, const void* stored) {
  const Block& block = BlockForNext();
  const auto place = static_cast<size_t>(size_ % kBlockRows);
  uint8_t* const code = block.codes + place * stride_;
  const auto* const halves = static_cast<const uint16_t*>(stored);
  if (block.own_halves != nullptr) {
    std::copy_n(halves, dimension_, block.own_halves + place * halves_stride_);
  }
  if (has_codes()) {
    block.heads[place] = KeepsHalves(codes_) ? EncodeRow(halves, dimension_, code)
                                             : DecodeHead(stored, dimension_, code);
  }
  block.passages[place * passage_stride_] = passage;
  ++size_;
}

void VectorRows::Append(const VectorRows& from, int64_t row) {
  if (!has_codes() || !from.has_codes()) return Append(from.passage(row), from.halves(row));
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
