#include "model/linear.h"

#include <ATen/ATen.h>

namespace sightline::model {

at::Tensor Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, {weight.size(0)}, weight, bias, 1e-6);
}

Linear LoadLinear(WeightLoader& loader, const std::string& name, int64_t out, int64_t in,
                  bool bias) {
  Linear linear;
  linear.weight = loader.Take(name + ".weight", {out, in});
  if (bias) linear.bias = loader.Take(name + ".bias", {out});
  return linear;
}

LayerNorm LoadLayerNorm(WeightLoader& loader, const std::string& name, int64_t n) {
  return {loader.Take(name + ".weight", {n}), loader.Take(name + ".bias", {n})};
}

}  // namespace sightline::model
