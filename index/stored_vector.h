#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "index/types.h"

namespace sightline::index {

// A vector as the store and the files of segments hold it, little-endian:
// kFloat16, kBinary, kPq: its values as half floats;
// kInt8: a float, the scale, and a byte for each value: the value over the scale, rounded, plus
// 128. The scale is the largest value over 127. Scores are those of these bytes.

constexpr bool KeepsHalves(VectorCodes codes) { return codes != VectorCodes::kInt8; }

// Bytes of one.
constexpr size_t StoredVectorBytes(VectorCodes codes, int dimension) {
  const auto values = static_cast<size_t>(dimension);
  return KeepsHalves(codes) ? values * sizeof(uint16_t) : sizeof(float) + values;
}

std::string StoreVector(VectorCodes codes, std::span<const float> values);

}  // namespace sightline::index
