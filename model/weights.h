#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/quantization.h"
#include "model/safetensors.h"
#include "model/stored_matrix.h"
#include "model/weight_account.h"
#include "model/weight_pool.h"

namespace sightline::model {

// One linear layer of a network.
struct LinearShape {
  std::string name;  // without ".weight"
  int64_t out = 0;
  int64_t in = 0;
};

// In which form a network holds its matrices, and what it computes with.
struct NetworkTypes {
  at::Device device = at::Device(at::kCPU);
  at::ScalarType weights =
      at::kFloat;  // float32, bfloat16 or float16, of matrices stored as floats
  at::ScalarType compute = at::kFloat;  // of activations, norms and biases
  // The network can be trained: its tensors are its own and ask for gradients. Of a checkpoint of
  // plain floats only, with `weights` and `compute` the same.
  bool trainable = false;
};

// A tensor of a network that can be trained, under the name it is stored by.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

// Turns a checkpoint's stored weights into what a network computes with. Where the form wanted is
// the stored one a tensor is a view of the memory map, which it keeps alive; such tensors are
// read-only. Each method keeps the first fault in status() and then returns undefined tensors:
// kFailedPrecondition for a tensor that is missing, of another shape (`weights: layer … is [..],
// config says [..]`), of a dtype that does not belong there, or, stored as floats, that holds a NaN
// or an infinity: see AllFinite. With a survey that has been looked for already. With a pool, what
// another checkpoint has loaded from equal bytes is taken over. One thread.
class WeightLoader {
 public:
  // What `sharing` points to is borrowed.
  WeightLoader(std::shared_ptr<const CheckpointWeights> files,
               const QuantizationConfig& quantization, const NetworkTypes& types,
               const WeightSharing& sharing = {});

  // The tensor called `name` in the compute type: for norms, biases, small tables.
  at::Tensor Take(absl::string_view name, const std::vector<int64_t>& shape);

  // The tensor called `name` in the weights' type: for tables that are looked up in.
  at::Tensor TakeTable(absl::string_view name, const std::vector<int64_t>& shape);

  // The matrix of the linear layer `name` (without ".weight"): floats in the weights' type, or
  // narrow as it is stored.
  StoredMatrix TakeMatrix(const std::string& name, int64_t out, int64_t in);

  // One matrix [out, in] an expert from the tensor `name`: [experts, in, out], input-major, as
  // published, or [experts, out, in]. FP8 with its scales in `name`_scale_inv.
  std::vector<StoredMatrix> TakeExperts(const std::string& name, int64_t experts, int64_t out,
                                        int64_t in);

  bool Has(absl::string_view name) const { return files_->Find(name) != nullptr; }
  bool HasMatrix(const std::string& name) const;

  // Numbers the linear layers in the order they are loaded in; adapters find them by name.
  int AddLinear(const std::string& name, int64_t out, int64_t in);
  std::vector<LinearShape> TakeLinears() { return std::move(linears_); }

  const absl::Status& status() const { return status_; }
  const NetworkTypes& types() const { return types_; }
  int64_t parameters() const { return parameters_; }  // of all tensors taken so far

  // Every tensor taken so far, once.
  std::vector<HeldTensor> TakeHeld() { return std::move(held_); }

  // Where the network is to be trained, every tensor taken so far.
  std::vector<NamedTensor> TakeTrainable() { return std::move(trainable_); }

  // Stored names that nothing has asked for.
  std::vector<std::string> Unused() const;

 private:
  // The pooled matrix of the stored tensors `names` in the form that `form` names, else what `make`
  // makes, which is then pooled.
  absl::StatusOr<StoredMatrix> Pooled(const std::vector<std::string>& names, absl::string_view form,
                                      const std::function<absl::StatusOr<StoredMatrix>()>& make);
  void Hold(const StoredMatrix& matrix, int64_t parameters);
  absl::Status Load(absl::string_view name, const std::vector<int64_t>& shape, at::ScalarType type,
                    at::Tensor& out);
  absl::StatusOr<StoredMatrix> LoadMatrix(const std::string& name, int64_t out, int64_t in);
  absl::StatusOr<std::vector<StoredMatrix>> LoadExperts(const std::string& name, int64_t experts,
                                                        int64_t out, int64_t in);

  const std::shared_ptr<const CheckpointWeights> files_;
  const QuantizationConfig quantization_;
  const NetworkTypes types_;
  const WeightSharing sharing_;
  absl::Status status_;
  int64_t parameters_ = 0;
  absl::flat_hash_set<std::string> used_;
  std::vector<LinearShape> linears_;
  std::vector<HeldTensor> held_;
  std::vector<NamedTensor> trainable_;
  absl::flat_hash_set<const void*> held_data_;
};

// A stored tensor as it lies in the file, without a copy where its bytes are aligned. `keep_alive`
// holds the map. FP8 numbers come as bytes. kFailedPrecondition: a dtype that no weight has.
absl::StatusOr<at::Tensor> ViewStored(const TensorView& view,
                                      std::shared_ptr<const void> keep_alive);

}  // namespace sightline::model
