#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sightline::index {

// Planes of bits that a query's numbers stand in.
inline constexpr size_t kQueryPlanes = 6;

// Sums over vectors of bits. Exact: all kernels give equal sums.
struct PatchKernels {
  const char* name;
  // The sum of 2 * u(i) - 63 over the bits i that are set in `code`, of 64 * words bits. Bit p of
  // u(i) is bit i of the plane that begins at planes + p * words. `code` need not be aligned.
  int32_t (*dot)(const uint8_t* code, const uint64_t* planes, size_t words);
};

// The fastest this processor has.
const PatchKernels& BestPatchKernels();

// Every one this processor can run, the plain C++ one first.
std::span<const PatchKernels> SupportedPatchKernels();

}  // namespace sightline::index
