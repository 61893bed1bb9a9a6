#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/quantization.h"
#include "model/safetensors.h"
#include "model/stored_matrix.h"

namespace sightline::model {

// Whether the linear layer `name` (without ".weight") is stored narrow.
bool IsQuantized(const CheckpointWeights& files, const std::string& name);

// The quantised matrix [out, in] of the linear layer `name`, on the CPU. compressed-tensors and FP8
// matrices are views of the memory map, which they keep alive; AWQ and GPTQ ones, stored the other
// way round, are laid out anew. Layouts after the published readers: AutoAWQ
// awq/utils/packing_utils.py, AutoGPTQ nn_modules/qlinear/qlinear_cuda.py, compressed-tensors
// compressors/pack_quantized, and transformers integrations/finegrained_fp8.py. `used` is called
// with the name of each tensor read. kFailedPrecondition names the tensor that is missing, of a
// wrong shape or dtype, or at odds with the config.
absl::StatusOr<StoredMatrix> ReadQuantized(
    const std::shared_ptr<const CheckpointWeights>& files, const QuantizationConfig& config,
    const std::string& name, int64_t out, int64_t in,
    const std::function<void(const std::string& tensor)>& used);

// Bytes [rows, columns] of numbers below 16 to [rows, columns / 2], the first of two in the low
// half.
at::Tensor PackNibbles(const at::Tensor& bytes);
at::Tensor UnpackNibbles(const at::Tensor& packed);

}  // namespace sightline::model
