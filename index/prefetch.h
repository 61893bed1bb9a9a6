#pragma once

#include <cstddef>

namespace sightline::index {

// Asks for memory that is read soon, one cache line at a time.
inline void Prefetch(const void* memory, size_t bytes) {
  const auto* const begin = static_cast<const char*>(memory);
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(begin + i);
}

}  // namespace sightline::index
