#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "index/vector_code.h"

namespace sightline::index::gpu {

// What a row is kept as on the device.
enum class DeviceCode {
  kBytes,  // as in vector_code.h: scores are those of QueryCode::Close, to the bit
  kBits,   // the signs, an eighth of it: scores are dimension - 2 x signs that differ
};

struct DeviceScanOptions {
  int device = 0;
  int dimension = 0;  // 1..4096
  DeviceCode code = DeviceCode::kBytes;
  int64_t capacity = 0;  // rows there is room for, 1..2^32 - 1
};

struct DeviceHit {
  int64_t row = 0;
  float score = 0;
};

inline constexpr int kMostDeviceHits = 1024;

// Coded vectors in the memory of one GPU, all of which are compared with each query: whatever the
// filter allows and whatever was deleted a moment ago, what is found is the best of it by code. The
// caller scores the best again by what the codes were made from. Any thread; calls take turns.
class DeviceScan {
 public:
  // kFailedPrecondition: no such device; kResourceExhausted: too little memory on it.
  static absl::StatusOr<std::unique_ptr<DeviceScan>> Create(const DeviceScanOptions& options);
  virtual ~DeviceScan() = default;

  virtual int64_t size() const = 0;
  // Adds rows: CodeStride(dimension) bytes each, and their heads. kResourceExhausted: beyond the
  // capacity, and nothing was added; kInternal: the device failed, nothing more can be asked of it.
  virtual absl::Status Append(std::span<const uint8_t> codes, std::span<const RowHead> heads) = 0;

  // For each query its `n` best rows, 1..kMostDeviceHits, best first, of equal scores the lower row
  // first. Bit r of `allowed`, from the lowest of the first word on, says whether row r counts;
  // (size() + 31) / 32 words. kInternal.
  virtual absl::StatusOr<std::vector<std::vector<DeviceHit>>> Search(
      std::span<const QueryCode> queries, std::span<const uint32_t> allowed, int n) = 0;
};

}  // namespace sightline::index::gpu
