#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/gpu/faiss_rows.h"

namespace sightline::index::gpu {

// Indexes on a GPU, each over inner products: faiss_flat (float16, compares all), faiss_ivfpq
// (codes in lists, of which a query looks at some), and, where FAISS has cuVS, faiss_cagra (a
// graph). kFailedPrecondition: FAISS has it not.
absl::StatusOr<FaissFactory> FaissGpuFactory(int device, absl::string_view kind);

}  // namespace sightline::index::gpu
