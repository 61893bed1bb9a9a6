#include "model/factor_checkpoint.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "model/matrix_factors.h"
#include "model/safetensors.h"
#include "model/weights.h"
#include "model/write_adapter.h"

namespace sightline::model {
namespace {

namespace fs = std::filesystem;

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

// A matrix that an adapter can be put beside: tables that are looked up in are not.
bool IsLinear(const TensorView& tensor) {
  return tensor.shape.size() == 2 && absl::EndsWith(tensor.name, ".weight") &&
         !absl::EndsWith(tensor.name, "embed_tokens.weight") &&
         !absl::EndsWith(tensor.name, "pos_embed.weight");
}

double Norm(const at::Tensor& tensor) {
  return std::sqrt(tensor.square().sum(at::kDouble).item<double>());
}

// The error that rounding to `dtype` makes, about: uniform within half a step of each number.
double RoundingNorm(const at::Tensor& weight, DType dtype) {
  if (dtype == DType::kF32) return 0;
  const double step = dtype == DType::kBF16 ? 0x1p-7 : 0x1p-10;
  const at::Tensor exponent = weight.abs().clamp_min(1e-30).log2().floor();
  return Norm(exponent.exp2()) * step / std::sqrt(12.0);
}

class Comparison {
 public:
  Comparison(std::shared_ptr<const CheckpointWeights> base,
             std::shared_ptr<const CheckpointWeights> tuned, const FactorOptions& options)
      : base_(std::move(base)), tuned_(std::move(tuned)), options_(options) {}

  absl::Status Run() {
    for (const std::string& name : base_->Names()) {
      if (tuned_->Find(name) == nullptr) return OnlyIn(base_->folder(), name);
    }
    for (const std::string& name : tuned_->Names()) {
      const TensorView* const before = base_->Find(name);
      if (before == nullptr) return OnlyIn(tuned_->folder(), name);
      SL_RETURN_IF_ERROR(Compare(*before, *tuned_->Find(name)));
      ReleasePages(before->bytes);
      ReleasePages(tuned_->Find(name)->bytes);
    }
    report_.holds = report_.reasons.empty();
    return absl::OkStatus();
  }

  FactorReport& report() { return report_; }
  const std::vector<AdapterLayer>& found() const { return found_; }

 private:
  static absl::Status OnlyIn(const std::string& folder, const std::string& name) {
    return absl::FailedPreconditionError(
        absl::StrCat("weights: only ", folder, " has ", name, ": these are two architectures"));
  }

  absl::Status Compare(const TensorView& before, const TensorView& after) {
    if (before.shape != after.shape) {
      return absl::FailedPreconditionError(
          absl::StrCat("weights: ", after.name, " has another shape in either checkpoint"));
    }
    if (!IsFloat(before.dtype) || !IsFloat(after.dtype)) {
      return absl::FailedPreconditionError(
          absl::StrCat("weights: ", after.name, " is ", DTypeName(before.dtype), " and ",
                       DTypeName(after.dtype), ", expected F32, BF16 or F16"));
    }
    if (before.dtype == after.dtype && before.bytes == after.bytes) {
      ++report_.equal;
      return absl::OkStatus();
    }
    SL_ASSIGN_OR_RETURN(const at::Tensor base, ViewStored(before, base_));
    SL_ASSIGN_OR_RETURN(const at::Tensor tuned, ViewStored(after, tuned_));
    const at::Tensor weight = tuned.to(at::kFloat);
    const at::Tensor difference = weight.sub(base.to(at::kFloat));
    const double change = Norm(difference);
    if (change == 0) {  // the same numbers in another dtype, or zeros of either sign
      ++report_.equal;
      return absl::OkStatus();
    }
    if (!std::isfinite(change)) {
      return absl::FailedPreconditionError(
          absl::StrCat("weights: ", after.name, " holds a value that is not finite"));
    }
    const double norm = std::max(Norm(weight), 1e-300);
    if (!IsLinear(after)) {
      report_.others.push_back({after.name, change / norm});
      report_.reasons.push_back(absl::StrCat(after.name, " differs and is not a linear layer"));
      return absl::OkStatus();
    }
    AddLayer(after, weight, difference, change, norm);
    return absl::OkStatus();
  }

  void AddLayer(const TensorView& after, const at::Tensor& weight, const at::Tensor& difference,
                double change, double norm) {
    MatrixFactors factors = FactorMatrix(difference, options_.max_rank, options_.error);
    FactorReport::Layer layer;
    layer.name = std::string(absl::StripSuffix(after.name, ".weight"));
    layer.rank = factors.rank;
    layer.error = factors.error;
    layer.error_of_weight = factors.error * change / norm;
    layer.relative_change = change / norm;
    layer.relative_rounding = RoundingNorm(weight, after.dtype) / change;
    layer.holds = factors.error <= options_.error;
    if (!layer.holds) {
      report_.reasons.push_back(absl::StrCat(layer.name, " keeps an error of ", factors.error,
                                             " at rank ", factors.rank, ", the highest allowed"));
    }
    found_.push_back({layer.name, factors.a, factors.b});
    report_.layers.push_back(std::move(layer));
  }

  const std::shared_ptr<const CheckpointWeights> base_, tuned_;
  const FactorOptions options_;
  FactorReport report_;
  std::vector<AdapterLayer> found_;
};

absl::Status CheckOptions(const std::string& out, const FactorOptions& options) {
  if (options.max_rank < 1 || options.max_rank > 4096) {
    return absl::InvalidArgumentError(
        absl::StrCat("max rank is ", options.max_rank, ", expected 1 to 4096"));
  }
  if (!(options.error > 0) || !(options.error < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("error is ", options.error, ", expected between 0 and 1"));
  }
  std::error_code ignored;
  if (fs::exists(out, ignored) &&
      (!fs::is_directory(out, ignored) || !fs::is_empty(out, ignored))) {
    return absl::InvalidArgumentError(absl::StrCat(out, " exists and is not an empty folder"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FactorReport> FactorCheckpoint(const std::string& base, const std::string& tuned,
                                              const std::string& out,
                                              const FactorOptions& options) {
  SL_RETURN_IF_ERROR(CheckOptions(out, options));
  SL_ASSIGN_OR_RETURN(std::unique_ptr<CheckpointWeights> base_files, CheckpointWeights::Open(base));
  SL_ASSIGN_OR_RETURN(std::unique_ptr<CheckpointWeights> tuned_files,
                      CheckpointWeights::Open(tuned));
  return CatchStatus("factor", [&]() -> absl::StatusOr<FactorReport> {
    const c10::InferenceMode inference;
    Comparison comparison(std::move(base_files), std::move(tuned_files), options);
    SL_RETURN_IF_ERROR(comparison.Run());
    if (!comparison.report().holds || comparison.found().empty()) return comparison.report();
    SL_RETURN_IF_ERROR(WriteAdapter(out, base, comparison.found(), options.bfloat16));
    return comparison.report();
  });
}

}  // namespace sightline::model
