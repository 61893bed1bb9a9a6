#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::model {

// How a checkpoint says its matrices were made narrow. Which of its matrices were is told by the
// tensors that stand for them, not by this.
enum class QuantizationMethod { kNone, kAwq, kGptq, kCompressedTensors, kFp8 };

struct QuantizationConfig {
  QuantizationMethod method = QuantizationMethod::kNone;
  int bits = 4;                     // AWQ: 4; GPTQ: 4 or 8
  bool gptq_zeros_less_one = true;  // GPTQ's first format stores each zero point less one
  // FP8: rows and columns that share a scale; 0 = one scale for the whole matrix.
  int block_rows = 0;
  int block_columns = 0;
};

// Reads the quantization_config object of config.json, given as JSON text; empty text means none.
// kFailedPrecondition, naming the field: a method or variant that is not one of the above
// (AWQ "gemm", GPTQ v1 and v2, compressed-tensors "pack-quantized" and "float-quantized", FP8
// e4m3).
absl::StatusOr<QuantizationConfig> ParseQuantization(absl::string_view json);

}  // namespace sightline::model
