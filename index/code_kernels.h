#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sightline::index {

// Integer sums over vectors stored as bytes, 128 standing for zero. Exact: all kernels give equal
// sums. `n` is at most kMaxCodeBytes; no alignment is asked for.
struct CodeKernels {
  const char* name;
  // The sum of stored[i] * query[i].
  int32_t (*dot)(const uint8_t* stored, const int8_t* query, size_t n);
  // The same with two queries, which share the loads of the stored bytes.
  void (*dot2)(const uint8_t* stored, const int8_t* first, const int8_t* second, size_t n,
               int32_t out[2]);
  // The sum of a[i] * (b[i] - 128).
  int32_t (*dot_stored)(const uint8_t* a, const uint8_t* b, size_t n);
};

// Sums of more bytes could leave 32 bits.
inline constexpr size_t kMaxCodeBytes = 65'536;

// The fastest this processor has.
const CodeKernels& BestCodeKernels();

// Every one this processor can run, the plain C++ one first.
std::span<const CodeKernels> SupportedCodeKernels();

}  // namespace sightline::index
