#include "model/weights.h"

#include <ATen/ATen.h>

#include <cstring>
#include <optional>

#include "absl/strings/str_join.h"
#include "base/status.h"

namespace sightline::model {
namespace {

std::optional<at::ScalarType> FloatType(DType dtype) {
  switch (dtype) {
    case DType::kF32: return at::kFloat;
    case DType::kBF16: return at::kBFloat16;
    case DType::kF16: return at::kHalf;
    default: return std::nullopt;
  }
}

bool Aligned(const void* data, int bytes) {
  return reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(bytes) == 0;
}

}  // namespace

WeightLoader::WeightLoader(std::shared_ptr<const CheckpointWeights> files, at::Device device,
                           at::ScalarType dtype)
    : files_(std::move(files)), device_(device), dtype_(dtype) {}

at::Tensor WeightLoader::Take(absl::string_view name, const std::vector<int64_t>& shape) {
  at::Tensor out;
  if (!status_.ok()) return out;
  status_ = CatchStatus("weights", [&] { return Load(name, shape, out); });
  return status_.ok() ? out : at::Tensor();
}

absl::Status WeightLoader::Load(absl::string_view name, const std::vector<int64_t>& shape,
                                at::Tensor& out) {
  const absl::StatusOr<const TensorView*> found = files_->Get(name, shape);
  if (!found.ok()) return Annotate(found.status(), "weights");
  const TensorView& stored = **found;
  absl::StatusOr<at::Tensor> view = ViewStored(stored, files_);
  if (!view.ok()) return Annotate(view.status(), "weights");
  out = view->to(at::TensorOptions().device(device_).dtype(dtype_));
  if (out.numel() <= kCheckedElements && !at::isfinite(out).all().item<bool>()) {
    return absl::FailedPreconditionError(
        absl::StrCat("weights: ", stored.name, " holds a value that is not finite"));
  }
  used_.insert(stored.name);
  parameters_ += out.numel();
  return absl::OkStatus();
}

std::vector<std::string> WeightLoader::Unused() const {
  std::vector<std::string> out;
  for (const std::string& name : files_->Names()) {
    if (!used_.contains(name)) out.push_back(name);
  }
  return out;
}

absl::StatusOr<at::Tensor> ViewStored(const TensorView& view,
                                      std::shared_ptr<const void> keep_alive) {
  const std::optional<at::ScalarType> type = FloatType(view.dtype);
  if (!type.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(view.name, " is stored as ", DTypeName(view.dtype),
                     ", expected F32, BF16 or F16: quantised weights are not supported"));
  }
  const at::TensorOptions options = at::TensorOptions().dtype(*type);
  if (view.elements() == 0 || !Aligned(view.bytes.data(), DTypeBytes(view.dtype))) {
    at::Tensor copy = at::empty(view.shape, options);
    if (view.elements() > 0) std::memcpy(copy.data_ptr(), view.bytes.data(), view.bytes.size());
    return copy;
  }
  // The map is read-only; nothing in this room writes to a weight.
  void* const data = const_cast<char*>(view.bytes.data());
  return at::from_blob(data, view.shape, [keep_alive = std::move(keep_alive)](void*) {}, options);
}

}  // namespace sightline::model
