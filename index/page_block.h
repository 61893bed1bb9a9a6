#pragma once

#include <cstddef>
#include <utility>

#include "absl/strings/string_view.h"

namespace sightline::index {

// Zeroed memory straight from the system, in huge pages where wanted and to be had: random reads of
// gigabytes then rarely miss the table of pages. Memory that is never touched costs nothing, except
// for the rest of a huge page.
class PageBlock {
 public:
  static constexpr size_t kHugePage = size_t{2} << 20;

  PageBlock() = default;
  // Throws std::bad_alloc. `huge` is a wish.
  PageBlock(size_t bytes, bool huge);
  PageBlock(PageBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  PageBlock& operator=(PageBlock&&) = delete;
  ~PageBlock();

  std::byte* data() const { return data_; }  // at the start of a page, of a huge one where wanted

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

// Asks for huge pages under memory that was taken and not yet written, as far as whole ones fit.
void WishHugePages(void* memory, size_t bytes);

// Says that a mapped file is read here and there: a page that is missing then brings in no others.
void ExpectRandomReads(absl::string_view mapped);

}  // namespace sightline::index
