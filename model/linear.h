#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/status.h"
#include "model/adapter.h"
#include "model/stored_matrix.h"
#include "model/weights.h"

namespace sightline::model {

// y = x W^T + b.
struct Linear {
  StoredMatrix weight;  // [out, in]
  at::Tensor bias;      // [out], or undefined
  int number = -1;      // among the network's linear layers

  at::Tensor operator()(const at::Tensor& x) const;
  // The same with what adapters change: of all rows (null = nothing), or of the rows they cover.
  // Rows are counted along the first axis.
  at::Tensor operator()(const at::Tensor& x, const Adapter* adapter) const;
  at::Tensor operator()(const at::Tensor& x, const AdapterSpans& adapters) const;

  // W += change, in place of the old matrix. kFailedPrecondition: W is quantised.
  absl::Status Merge(const LowRank& change);
};

// LayerNorm with eps 1e-6, fixed in the reference.
struct LayerNorm {
  at::Tensor weight;  // [n]
  at::Tensor bias;    // [n]

  at::Tensor operator()(const at::Tensor& x) const;
};

// `name`.weight of [out, in] or what stands for it, and `name`.bias where wanted. Faults are kept
// by the loader.
Linear LoadLinear(WeightLoader& loader, const std::string& name, int64_t out, int64_t in,
                  bool bias);
LayerNorm LoadLayerNorm(WeightLoader& loader, const std::string& name, int64_t n);

}  // namespace sightline::model
