#pragma once

#include <cstddef>

namespace sightline::index {

// Asks for memory that is read soon, one cache line at a time.
inline void Prefetch(const void* memory, size_t bytes) {
  const auto* const begin = static_cast<const char*>(memory);
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(begin + i);
  // GCC 12 takes a function that does nothing but this for one without effect, and leaves out calls
  // of it where it has not put its body in the caller's.
  asm volatile("");
}

}  // namespace sightline::index
