#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/safetensors.h"

namespace sightline::model {

// Turns a checkpoint's stored weights into tensors of one dtype on one device. Where both agree
// with the file the tensor is a view of the memory map, which it keeps alive; such tensors are
// read-only. One thread.
class WeightLoader {
 public:
  // dtype: float32, bfloat16 or float16.
  WeightLoader(std::shared_ptr<const CheckpointWeights> files, at::Device device,
               at::ScalarType dtype);

  // The tensor called `name`. On failure, an undefined tensor, and status() keeps the first fault:
  // kFailedPrecondition for one that is missing, of another shape (`weights: layer … is [..],
  // config says
  // [..]`), of a dtype that is not float32, bfloat16 or float16, or that holds a NaN or an
  // infinity. Values are looked at only in tensors of at most kCheckedElements, which are all norms
  // and biases: a file spoilt there poisons every result, while a pass over all large matrices
  // would double load time.
  at::Tensor Take(absl::string_view name, const std::vector<int64_t>& shape);

  const absl::Status& status() const { return status_; }
  at::Device device() const { return device_; }
  at::ScalarType dtype() const { return dtype_; }
  int64_t parameters() const { return parameters_; }  // of all tensors taken so far

  // Stored names that nothing has asked for.
  std::vector<std::string> Unused() const;

  static constexpr int64_t kCheckedElements = int64_t{1} << 20;

 private:
  absl::Status Load(absl::string_view name, const std::vector<int64_t>& shape, at::Tensor& out);

  const std::shared_ptr<const CheckpointWeights> files_;
  const at::Device device_;
  const at::ScalarType dtype_;
  absl::Status status_;
  int64_t parameters_ = 0;
  absl::flat_hash_set<std::string> used_;
};

// A stored tensor as it lies in the file, without a copy where its bytes are aligned. `keep_alive`
// holds the map. kFailedPrecondition: a dtype that is not float32, bfloat16 or float16.
absl::StatusOr<at::Tensor> ViewStored(const TensorView& view,
                                      std::shared_ptr<const void> keep_alive);

}  // namespace sightline::model
