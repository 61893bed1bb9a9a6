#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/patch_kernels.h"

namespace sightline::index {

// Vectors as their signs.

// Of 64 bits, that a vector's signs take.
constexpr size_t SignWords(int dimension) { return (static_cast<size_t>(dimension) + 63) / 64; }

// Sets bit i of `code`, of 8 * SignWords bytes, where value i is not negative, and clears the rest.
// Returns the factor that brings the product of the signs with the vector itself, if it is of unit
// length, to 1: so products with others come out at their cosines' scale. 0 for zeros.
float EncodeSigns(std::span<const float> values, uint8_t* code);

// A query's values in steps of a 63rd of their range, in planes of bits, to be multiplied with
// signs.
class SignQuery {
 public:
  explicit SignQuery(std::span<const float> values);

  // The product with the signs in `code`, each 1 or -1.
  float Times(const PatchKernels& kernels, const uint8_t* code) const {
    // Signs are 2 b - 1: what the set bits give, less what all give and half of it again.
    const int32_t sum = kernels.dot(code, planes_.data(), words_);
    return (static_cast<float>(sum) - 0.5f * static_cast<float>(all_)) * step_;
  }

 private:
  size_t words_;
  std::vector<uint64_t> planes_;
  float step_ = 0;   // value i is about step * (u(i) - 31.5), see PatchKernels
  int32_t all_ = 0;  // the sum of 2 * u(i) - 63 over all values
};

}  // namespace sightline::index
