#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "index/device_rows.h"
#include "index/gpu/device_scan.h"

namespace sightline::index::gpu {

using ScanFactory =
    std::function<absl::StatusOr<std::unique_ptr<DeviceScan>>(const DeviceScanOptions&)>;

// Rows as codes in a DeviceScan, which compares all that are allowed: of kBytes what is found is
// exact, of kBits it is the best by their signs, an eighth of the memory. Queries that wait while
// another is answered go together, where they allow the same rows, up to eight in one pass over
// the memory. `memory_bytes`: of all rows together. `make`: DeviceScan::Create.
std::unique_ptr<RowDevice> MakeScanDevice(int device, DeviceCode code, int64_t memory_bytes,
                                          ScanFactory make);

}  // namespace sightline::index::gpu
