#include "model/rms_norm.h"

#include <ATen/ATen.h>

#include "model/training_ops.h"

namespace sightline::model {

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (TrainsOnCpu(x, x.size(-1))) return TrainingRmsNorm(x, weight, eps);
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor inverse = wide.square().mean(-1, /*keepdim=*/true).add_(eps).rsqrt_();
  return wide.mul(inverse).to(x.scalar_type()).mul_(weight);
}

}  // namespace sightline::model
