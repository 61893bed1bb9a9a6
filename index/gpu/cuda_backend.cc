#include <cuda_runtime_api.h>

#include "absl/strings/str_cat.h"
#include "index/gpu/backend.h"
#include "index/gpu/scan_rows.h"
#ifdef SIGHTLINE_FAISS_GPU
#include "base/status.h"
#include "index/gpu/faiss_gpu.h"
#include "index/gpu/faiss_rows.h"
#endif

namespace sightline::index::gpu {

const bool kWithCuda = true;

int Devices() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

absl::StatusOr<std::unique_ptr<RowDevice>> OpenBackend(int device, absl::string_view kind,
                                                       int64_t memory_bytes) {
  if (kind == "bytes" || kind == "bits") {
    const DeviceCode code = kind == "bits" ? DeviceCode::kBits : DeviceCode::kBytes;
    return MakeScanDevice(device, code, memory_bytes, DeviceScan::Create);
  }
#ifdef SIGHTLINE_FAISS_GPU
  SL_ASSIGN_OR_RETURN(FaissFactory make, FaissGpuFactory(device, kind));
  return MakeFaissDevice(std::move(make), memory_bytes);
#else
  return absl::FailedPreconditionError(absl::StrCat("index device search ", kind,
                                                    ": this program was built without FAISS's GPU "
                                                    "indexes (SIGHTLINE_FAISS_GPU)"));
#endif
}

}  // namespace sightline::index::gpu
