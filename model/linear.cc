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
