#include "index/gpu/backend.h"

namespace sightline::index::gpu {

const bool kWithCuda = false;

int Devices() { return 0; }

absl::StatusOr<std::unique_ptr<RowDevice>> OpenBackend(int, absl::string_view, int64_t) {
  return absl::FailedPreconditionError("this program was built without CUDA");
}

}  // namespace sightline::index::gpu
