#include "model/rms_norm.h"

#include <ATen/ATen.h>

namespace sightline::model {

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor inverse = wide.square().mean(-1, /*keepdim=*/true).add_(eps).rsqrt_();
  return wide.mul(inverse).to(x.scalar_type()).mul_(weight);
}

}  // namespace sightline::model
