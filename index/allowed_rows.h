#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "index/passage_set.h"
#include "index/vector_rows.h"

namespace sightline::index {

// Which of the `count` rows from `first` on have allowed passages, as bits, the first as bit 0; at
// most 64 rows.
inline uint64_t AllowedBits(const VectorRows& rows, int64_t first, int count,
                            const PassageSet& allowed) {
  const uint32_t passage = rows.passage(first);
  const bool in_a_run =
      rows.passage(first + count - 1) - passage == static_cast<uint32_t>(count - 1);
  if (in_a_run) return allowed.Bits(passage, static_cast<uint32_t>(count));
  uint64_t bits = 0;
  for (int i = 0; i < count; ++i) {
    bits |= uint64_t{allowed.Contains(rows.passage(first + i))} << i;
  }
  return bits;
}

// How many rows such bits allow, 32 in each word.
inline int64_t CountBits(std::span<const uint32_t> allowed) {
  int64_t count = 0;
  for (const uint32_t word : allowed) count += std::popcount(word);
  return count;
}

}  // namespace sightline::index
