#pragma once

#include <ATen/core/Tensor.h>

namespace sightline::model {

// x / rms(x) * weight over the last axis. The mean of squares and the division are done in float32
// whatever the dtype of `x`; the quotient is cast back before it is multiplied by `weight` as
// stored. x: [..., n]; weight: [n], of x's dtype. Returns a new tensor of x's shape and dtype.
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace sightline::model
