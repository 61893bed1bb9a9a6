#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/rope.h"

namespace sightline::model {

// Steps of a layer as single operations with gradients of their own, for training on the CPU: made
// of tensor operations they go over memory many times and cost more than the products around them.
// Numbers are float32 or bfloat16 and stay so; inside all is float32. One thread each.

// Whether a step on x in rows of n numbers is to be one of these: gradients are wanted, and x is of
// a kind they take.
bool TrainsOnCpu(const at::Tensor& x, int64_t n);

// RmsNorm in rms_norm.h. x: [.., n]; weight: [n], of x's type.
at::Tensor TrainingRmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

// Rotated in rope.h. x: [tokens, heads, d], d in rows of n = d / 2. Returns the same, contiguous.
at::Tensor TrainingRotate(const at::Tensor& x, const Rotary& rotary);

// silu(gate) * up, both [tokens, n].
at::Tensor TrainingSwiGlu(const at::Tensor& gate, const at::Tensor& up);

// GELU in its tanh form.
at::Tensor TrainingGelu(const at::Tensor& x);

}  // namespace sightline::model
