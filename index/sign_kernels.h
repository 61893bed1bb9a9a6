#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sightline::index {

// How many bits differ. Exact: all kernels give equal counts.
struct SignKernels {
  const char* name;
  // Of each of `count` rows of `words`, one after the other, from the query, to `out`.
  void (*differ)(const uint64_t* query, const uint64_t* rows, size_t words, size_t count,
                 uint32_t* out);
};

// The fastest this processor has.
const SignKernels& BestSignKernels();

// Every one this processor can run, the plain C++ one first.
std::span<const SignKernels> SupportedSignKernels();

}  // namespace sightline::index
