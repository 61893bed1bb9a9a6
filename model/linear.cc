#include "model/linear.h"

#include <ATen/ATen.h>

namespace sightline::model {

at::Tensor Linear::operator()(const at::Tensor& x) const {
  if (weight.plain() && !weight.input_major && weight.numbers.scalar_type() == x.scalar_type()) {
    return at::linear(x, weight.numbers, bias);
  }
  const at::Tensor y = weight.Multiply(x);
  return bias.defined() ? y.add(bias) : y;
}

at::Tensor Linear::operator()(const at::Tensor& x, const Adapter* adapter) const {
  return (*this)(x, AdapterSpans{{0, x.size(0), adapter}});
}

at::Tensor Linear::operator()(const at::Tensor& x, const AdapterSpans& adapters) const {
  at::Tensor y = (*this)(x);
  for (const AdapterSpan& span : adapters) {
    const LowRank* const change = span.adapter == nullptr ? nullptr : span.adapter->Find(number);
    if (change == nullptr) continue;
    const at::Tensor rows = x.narrow(0, span.offset, span.count);
    y.narrow(0, span.offset, span.count).add_(at::linear(at::linear(rows, change->a), change->b));
  }
  return y;
}

absl::Status Linear::Merge(const LowRank& change) {
  if (!weight.plain()) return absl::FailedPreconditionError("its weight is quantised");
  const at::Tensor sum =
      weight.Dense(at::kFloat).add(at::matmul(change.b.to(at::kFloat), change.a.to(at::kFloat)));
  weight = StoredMatrix::FromDense(sum.to(weight.numbers.scalar_type()));
  return absl::OkStatus();
}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, {weight.size(0)}, weight, bias, 1e-6);
}

Linear LoadLinear(WeightLoader& loader, const std::string& name, int64_t out, int64_t in,
                  bool bias) {
  Linear linear;
  linear.weight = loader.TakeMatrix(name, out, in);
  linear.number = loader.AddLinear(name, out, in);
  if (bias) linear.bias = loader.Take(name + ".bias", {out});
  return linear;
}

LayerNorm LoadLayerNorm(WeightLoader& loader, const std::string& name, int64_t n) {
  return {loader.Take(name + ".weight", {n}), loader.Take(name + ".bias", {n})};
}

}  // namespace sightline::model
