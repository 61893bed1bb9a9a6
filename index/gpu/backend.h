#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/device_rows.h"

namespace sightline::index::gpu {

// What this program was built with: no_backend.cc or cuda_backend.cc.

extern const bool kWithCuda;
// How many GPUs there are.
int Devices();
// `kind` as in RowDeviceOptions. kFailedPrecondition: not built with it.
absl::StatusOr<std::unique_ptr<RowDevice>> OpenBackend(int device, absl::string_view kind,
                                                       int64_t memory_bytes);

}  // namespace sightline::index::gpu
