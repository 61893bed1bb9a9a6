#include "index/gpu/open_device.h"

#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "index/gpu/backend.h"

namespace sightline::index::gpu {
namespace {

// Empty: the CPU.
absl::StatusOr<std::optional<int>> DeviceNumber(absl::string_view device) {
  int number = 0;
  if (device == "cpu") return std::nullopt;
  if (device == "auto") {
    if (Devices() > 0)
      number = 0;
    else
      return std::nullopt;
  } else if (!absl::ConsumePrefix(&device, "cuda:") || !absl::SimpleAtoi(device, &number) ||
             number < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("index device ", device, ": expected auto, cpu or cuda:N"));
  }
  return number;
}

}  // namespace

absl::StatusOr<std::shared_ptr<RowDevice>> OpenRowDevice(const RowDeviceOptions& options) {
  SL_ASSIGN_OR_RETURN(const std::optional<int> device, DeviceNumber(options.device));
  if (!device.has_value()) return std::shared_ptr<RowDevice>();
  if (*device >= Devices()) {
    return absl::FailedPreconditionError(
        absl::StrCat("index device ", options.device, ": there are ", Devices(), " CUDA devices",
                     kWithCuda ? "" : ", as this program was built without CUDA"));
  }
  return OpenBackend(*device, options.kind, options.memory_bytes);
}

}  // namespace sightline::index::gpu
