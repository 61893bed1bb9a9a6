#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace sightline::train {

// A weight in training: float32, whatever the network computes with.
struct Parameter {
  std::string name;  // as stored
  at::Tensor value;  // float32
  at::Tensor gradient;
  at::Tensor first;   // momentum, or AdamW's mean of gradients
  at::Tensor second;  // AdamW's mean of squares; undefined where Muon is used
  // The running mean of the value over some hundred steps: what is validated and exported. It does
  // what letting the rate fall would do, without ending the run.
  at::Tensor average;
};

struct OptimizerOptions {
  double rate = 2e-3;         // of this step
  double weight_decay = 0.1;  // of matrices, times the rate
};

// Whether Muon moves this parameter: matrices inside the network. Tables, norms, biases, the patch
// embedding and the factors of an adapter are AdamW's.
bool UsesMuon(const std::string& name, const at::Tensor& value);

// One step, in place; gradients are clipped together to length 1 first. Matrices: Muon (Jordan and
// others, "Muon: an optimizer for hidden layers in neural networks", 2024) with the scale of Liu
// and others, "Muon is scalable for LLM training", 2025, so that one rate serves both; the rest:
// AdamW with beta 0.9, 0.95. `step` counts from 1. `threads` share the work; the result does not
// depend on how many. Returns the gradients' length before clipping; where it is not finite nothing
// was changed.
double Step(std::vector<Parameter>& parameters, const OptimizerOptions& options, int64_t step,
            int threads);

}  // namespace sightline::train
