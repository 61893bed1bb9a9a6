#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "index/device_rows.h"

namespace sightline::index::gpu {

struct RowDeviceOptions {
  std::string device = "auto";  // cpu, cuda:N, or auto: cuda:0 where there is one
  // bytes or bits: our scan (DeviceCode). faiss_flat, faiss_ivfpq, faiss_cagra: FAISS's indexes,
  // where it was built with them.
  std::string kind = "bytes";
  int64_t memory_bytes = 0;  // of the vectors of all collections
};

// Null: with cpu, and with auto where there is none. kFailedPrecondition: no such device, or this
// program was built without what it takes. kInvalidArgument: neither cpu, auto nor cuda:N.
absl::StatusOr<std::shared_ptr<RowDevice>> OpenRowDevice(const RowDeviceOptions& options);

}  // namespace sightline::index::gpu
