#include "tools/train/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "absl/strings/match.h"

namespace sightline::train {
namespace {

constexpr double kMomentum = 0.95;
constexpr double kBeta1 = 0.9, kBeta2 = 0.95, kEpsilon = 1e-8;
constexpr double kClip = 1.0;
constexpr int kNewtonSchulzSteps = 5;

// The nearest matrix with orthonormal rows or columns, roughly: singular values end between 0.7
// and 1.2, which is enough.
at::Tensor Orthogonalised(const at::Tensor& matrix) {
  at::Tensor x = matrix.to(at::kBFloat16);
  const bool tall = x.size(0) > x.size(1);
  if (tall) x = x.t();
  x = x.div(x.to(at::kFloat).norm().add(1e-7).to(at::kBFloat16)).contiguous();
  for (int i = 0; i < kNewtonSchulzSteps; ++i) {
    const at::Tensor a = at::mm(x, x.t());
    const at::Tensor b = a.mul(-4.7750).add(at::mm(a, a), 2.0315);
    x = x.mul(3.4445).add(at::mm(b, x));
  }
  return (tall ? x.t() : x).to(at::kFloat);
}

void Muon(Parameter& parameter, const OptimizerOptions& options) {
  parameter.first.mul_(kMomentum).add_(parameter.gradient);
  const at::Tensor direction = Orthogonalised(parameter.gradient.add(parameter.first, kMomentum));
  const double longest =
      static_cast<double>(std::max(parameter.value.size(0), parameter.value.size(1)));
  parameter.value.mul_(1 - options.rate * options.weight_decay);
  parameter.value.add_(direction, -options.rate * 0.2 * std::sqrt(longest));
}

void AdamW(Parameter& parameter, const OptimizerOptions& options, int64_t step) {
  parameter.first.mul_(kBeta1).add_(parameter.gradient, 1 - kBeta1);
  parameter.second.mul_(kBeta2).addcmul_(parameter.gradient, parameter.gradient, 1 - kBeta2);
  const double correction1 = 1 - std::pow(kBeta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(kBeta2, static_cast<double>(step));
  const at::Tensor scale = parameter.second.div(correction2).sqrt_().add_(kEpsilon);
  parameter.value.addcdiv_(parameter.first, scale, -options.rate / correction1);
}

}  // namespace

bool UsesMuon(const std::string& name, const at::Tensor& value) {
  return value.dim() == 2 && !absl::StrContains(name, "embed") && !absl::StrContains(name, "lora_");
}

double Step(std::vector<Parameter>& parameters, const OptimizerOptions& options, int64_t step,
            int threads) {
  std::vector<at::Tensor> lengths;
  for (const Parameter& parameter : parameters) lengths.push_back(parameter.gradient.norm());
  const auto length = at::stack(lengths).norm().item<double>();  // waits for a device once
  if (!std::isfinite(length)) return length;
  if (length > kClip) {
    for (Parameter& parameter : parameters) parameter.gradient.mul_(kClip / length);
  }
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    at::set_num_threads(1);
    const c10::NoGradGuard no_grad;
    for (size_t i = next++; i < parameters.size(); i = next++) {
      if (UsesMuon(parameters[i].name, parameters[i].value)) {
        Muon(parameters[i], options);
      } else {
        AdamW(parameters[i], options, step);
      }
    }
  };
  std::vector<std::thread> helpers;
  for (int t = 1; t < threads; ++t) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  return length;
}

}  // namespace sightline::train
