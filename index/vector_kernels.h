#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sightline::index {

// Inner products over stored vectors, IEEE 754 half floats (binary16) or bytes, with sums in
// float32. The distribution's FAISS is compiled without these instructions, so the loops are ours,
// chosen at run time.
struct VectorKernels {
  const char* name;
  // Float query against one stored vector.
  float (*dot)(const float* query, const uint16_t* stored, size_t n);
  // The same against one stored as bytes, 128 standing for zero, in units of its scale.
  float (*dot_bytes)(const float* query, const uint8_t* stored, size_t n);
  // `n` stored values as floats.
  void (*widen)(const uint16_t* stored, size_t n, float* out);
};

// The fastest this processor has.
const VectorKernels& BestKernels();

// Every one this processor can run, the plain C++ one first.
std::span<const VectorKernels> SupportedKernels();

// To the nearest half float, ties to even; too large becomes infinity.
uint16_t ToHalf(float value);
float FromHalf(uint16_t half);
std::vector<uint16_t> ToHalf(std::span<const float> values);

}  // namespace sightline::index
