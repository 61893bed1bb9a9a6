#include "index/page_block.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace sightline::index {

PageBlock::PageBlock(size_t bytes, bool huge) {
  const size_t unit = huge ? kHugePage : size_t{4096};
  bytes_ = (bytes + unit - 1) / unit * unit;
  // More than is needed, so that a place on the boundary of a huge page lies inside; the rest goes.
  const size_t taken = huge ? bytes_ + kHugePage : bytes_;
  void* const memory =
      mmap(nullptr, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(memory);
  const size_t before = (unit - reinterpret_cast<uintptr_t>(begin) % unit) % unit;
  data_ = begin + before;
  if (before > 0) munmap(begin, before);
  if (taken > before + bytes_) munmap(data_ + bytes_, taken - before - bytes_);
  if (huge) madvise(data_, bytes_, MADV_HUGEPAGE);
}

PageBlock::~PageBlock() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

void WishHugePages(void* memory, size_t bytes) {
  constexpr uintptr_t kPage = PageBlock::kHugePage;
  const auto begin = (reinterpret_cast<uintptr_t>(memory) + kPage - 1) / kPage * kPage;
  const auto end = (reinterpret_cast<uintptr_t>(memory) + bytes) / kPage * kPage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

void ExpectRandomReads(absl::string_view mapped) {
  if (!mapped.empty()) madvise(const_cast<char*>(mapped.data()), mapped.size(), MADV_RANDOM);
}

}  // namespace sightline::index
