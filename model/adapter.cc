#include "model/adapter.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "model/adapter_config.h"
#include "model/safetensors.h"

namespace sightline::model {
namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;
constexpr absl::string_view kPrefix = "base_model.model.";
constexpr absl::string_view kVisionRoot = "model.visual.";

absl::Status Bad(absl::string_view tensor, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("adapter: ", tensor, " ", what));
}

// A tensor's layer and which half of its pair it is.
struct HalfName {
  std::string layer;
  bool is_a = false;
};

absl::StatusOr<HalfName> SplitName(absl::string_view tensor) {
  absl::string_view rest = tensor;
  HalfName out;
  if (!absl::ConsumePrefix(&rest, kPrefix)) {
    return Bad(tensor, absl::StrCat("does not start with ", kPrefix));
  }
  // Names written while the adapter was loaded carry its own name, "default".
  for (const absl::string_view middle : {".", ".default."}) {
    absl::string_view layer = rest;
    if (absl::ConsumeSuffix(&layer, absl::StrCat(".lora_A", middle, "weight"))) {
      return HalfName{std::string(layer), true};
    }
    if (absl::ConsumeSuffix(&layer, absl::StrCat(".lora_B", middle, "weight"))) {
      return HalfName{std::string(layer), false};
    }
  }
  return Bad(tensor, "is neither a lora_A nor a lora_B weight of a linear layer");
}

// A layer of the network called `name`, with or without a leading "model.".
class LinearIndex {
 public:
  explicit LinearIndex(const std::vector<LinearShape>& linears) : linears_(linears) {
    for (size_t i = 0; i < linears.size(); ++i) by_name_[linears[i].name] = static_cast<int>(i);
  }
  std::optional<int> Find(const std::string& name) const {
    for (const std::string& spelling :
         {name, absl::StrCat("model.", name), std::string(absl::StripPrefix(name, "model."))}) {
      const auto found = by_name_.find(spelling);
      if (found != by_name_.end()) return found->second;
    }
    return std::nullopt;
  }

 private:
  const std::vector<LinearShape>& linears_;
  absl::flat_hash_map<std::string, int> by_name_;
};

// One half as float32 on the CPU, of shape [rows, columns].
absl::StatusOr<at::Tensor> ReadHalf(const TensorView& view, int64_t rows, int64_t columns) {
  if (view.shape != std::vector<int64_t>{rows, columns}) {
    return Bad(view.name, absl::StrCat("is [", absl::StrJoin(view.shape, ", "), "], expected [",
                                       rows, ", ", columns, "]"));
  }
  if (view.dtype != DType::kF32 && view.dtype != DType::kF16 && view.dtype != DType::kBF16) {
    return Bad(view.name,
               absl::StrCat("is stored as ", DTypeName(view.dtype), ", expected F32, BF16 or F16"));
  }
  SL_ASSIGN_OR_RETURN(const at::Tensor stored, ViewStored(view, nullptr));
  const at::Tensor wide = stored.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  if (!at::isfinite(wide).all().item<bool>())
    return Bad(view.name, "holds a value that is not finite");
  return wide;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Adapter>> Adapter::Open(
    const std::string& folder, const std::vector<LinearShape>& linears, const NetworkTypes& types) {
  const absl::StatusOr<std::string> text =
      ReadFile(folder + "/adapter_config.json", kMaxConfigBytes);
  if (!text.ok()) return Annotate(text.status(), absl::StrCat("adapter ", folder));
  absl::StatusOr<AdapterConfig> parsed = ParseAdapterConfig(*text);
  if (!parsed.ok()) return Annotate(parsed.status(), absl::StrCat("adapter ", folder));
  const AdapterConfig& config = *parsed;
  SL_ASSIGN_OR_RETURN(const auto file,
                      SafetensorsFile::Open(folder + "/adapter_model.safetensors"));

  return CatchStatus("adapter", [&]() -> absl::StatusOr<std::shared_ptr<const Adapter>> {
    std::shared_ptr<Adapter> self(new Adapter());
    self->layers_.resize(linears.size());
    const LinearIndex index(linears);
    Hasher hasher;
    hasher.AddField(*text);
    for (const TensorView& view : file->tensors()) {
      hasher.AddField(view.name).AddField(view.bytes);
      SL_ASSIGN_OR_RETURN(const HalfName name, SplitName(view.name));
      const std::optional<int> number = index.Find(name.layer);
      if (!number.has_value()) return Bad(view.name, "names a layer the model does not have");
      const LinearShape& shape = linears[*number];
      const int rank = config.RankOf(name.layer);
      std::optional<LowRank>& pair = self->layers_[*number];
      if (!pair.has_value()) pair.emplace();
      if (name.is_a) {
        SL_ASSIGN_OR_RETURN(pair->a, ReadHalf(view, rank, shape.in));
      } else {
        SL_ASSIGN_OR_RETURN(pair->b, ReadHalf(view, shape.out, rank));
        pair->b.mul_(config.ScaleOf(name.layer));
      }
      if (absl::StartsWith(shape.name, kVisionRoot)) self->changes_vision_ = true;
    }
    for (size_t i = 0; i < linears.size(); ++i) {
      std::optional<LowRank>& pair = self->layers_[i];
      if (!pair.has_value()) continue;
      if (!pair->a.defined() || !pair->b.defined()) {
        return Bad(linears[i].name, "has one half of a pair only");
      }
      pair->a = pair->a.to(types.device, types.compute);
      pair->b = pair->b.to(types.device, types.compute);
    }
    if (file->tensors().empty()) return Bad(folder, "holds no tensors");
    self->fingerprint_ = hasher.HexDigest();
    return std::shared_ptr<const Adapter>(std::move(self));
  });
}

int64_t Adapter::bytes() const {
  int64_t total = 0;
  for (const std::optional<LowRank>& pair : layers_) {
    if (pair.has_value()) total += static_cast<int64_t>(pair->a.nbytes() + pair->b.nbytes());
  }
  return total;
}

int64_t Adapter::parameters() const {
  int64_t total = 0;
  for (const std::optional<LowRank>& pair : layers_) {
    if (pair.has_value()) total += pair->a.numel() + pair->b.numel();
  }
  return total;
}

}  // namespace sightline::model
