#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "index/gpu/device_scan.h"
#include "index/gpu/scan_arguments.h"
#include "index/vector_code.h"

namespace sightline::index::gpu {

// How DeviceScan lays rows out, see scan_kernel.h. Host code.

inline constexpr int kChunkBytes = 16;

inline int BytesChunks(int dimension) {
  return static_cast<int>(CodeStride(dimension)) / kChunkBytes;
}
inline int BitsChunks(int dimension) { return (dimension + 127) / 128; }

// Where chunk `chunk` of a row begins, in bytes from the start of the rows.
inline int64_t ChunkOffset(int64_t row, int chunk, int chunks) {
  return ((row / 32 * chunks + chunk) * 32 + row % 32) * kChunkBytes;
}

// The chunks of one row: a code's bytes become signed, [BytesChunks * 16].
inline void SignedBytes(const uint8_t* code, int dimension, uint8_t* out) {
  const size_t bytes = static_cast<size_t>(BytesChunks(dimension)) * kChunkBytes;
  for (size_t i = 0; i < bytes; ++i) out[i] = code[i] ^ 0x80;
}

// The signs of a row, bit i of the whole for value i: 1 where it is not negative,
// [BitsChunks * 16]. Bits from `dimension` on are 0.
inline void SignBits(const uint8_t* code, int dimension, uint8_t* out) {
  std::memset(out, 0, static_cast<size_t>(BitsChunks(dimension)) * kChunkBytes);
  for (int i = 0; i < dimension; ++i) {
    if (code[i] >= 128) out[i / 8] = static_cast<uint8_t>(out[i / 8] | 1 << i % 8);
  }
}

// The same of a query, by its high bytes.
inline void SignBits(const QueryCode& query, int dimension, uint8_t* out) {
  std::memset(out, 0, static_cast<size_t>(BitsChunks(dimension)) * kChunkBytes);
  for (int i = 0; i < dimension; ++i) {
    const bool positive = query.high()[i] > 0 || (query.high()[i] == 0 && query.low()[i] >= 0);
    if (positive) out[i / 8] = static_cast<uint8_t>(out[i / 8] | 1 << i % 8);
  }
}

// What a key of scan_kernel.h stands for; it is not 0.
inline DeviceHit HitOf(Key key) {
  auto bits = static_cast<uint32_t>(key >> 32);
  bits = (bits & 0x80000000u) != 0 ? bits & 0x7fffffffu : ~bits;
  return {.row = static_cast<int64_t>(0xffffffffu - static_cast<uint32_t>(key)),
          .score = std::bit_cast<float>(bits)};
}

// Places of a block's list for the best `n`: a power of two.
inline int QueueFor(int n) {
  int queue = 1024;
  while (queue < 2 * n || queue < n + 256) queue *= 2;
  return queue;
}

}  // namespace sightline::index::gpu
