#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "model/matrix_kernels.h"

namespace sightline::model {

// The weight matrix W [out, in] of y = x W^T in the form a checkpoint stores it: floats of 16 or 32
// bits, or narrower numbers scaled a block at a time. On the CPU products are made from the stored
// form, a few rows of it at a time in float32, so a narrow matrix costs its own size and no more.
// Immutable and shared like a tensor; any thread.
struct StoredMatrix {
  NumberFormat format = NumberFormat::kFloat32;
  int64_t out = 0;
  int64_t in = 0;
  bool input_major = false;  // stored as [in, out], as mixture-of-experts checkpoints do

  // [rows, columns] as stored, that is [out, in], or [in, out] when input_major: of the float's own
  // type, or bytes; kUint4 packs two columns into a byte, [rows, columns / 2].
  at::Tensor numbers;
  at::Tensor scales;  // float32, bfloat16 or float16 of a block each; undefined = not scaled
  at::Tensor zeros;   // int16 of the scales' shape; undefined = the middle of the range
  int64_t block_rows = 1;
  int64_t block_columns = 0;
  at::Tensor input_order;  // int64 [in]: stored column j belongs to input input_order[j]; undefined
                           // = to input j. Not with input_major

  bool defined() const { return numbers.defined(); }
  bool plain() const { return format <= NumberFormat::kFloat16; }
  int64_t bytes() const;  // of all its tensors

  // x [.., in] to [.., out], of x's type. On the CPU x is float32, unless W is float32 or x has W's
  // own 16-bit type; on another device W is made dense in x's type first.
  at::Tensor Multiply(const at::Tensor& x) const;

  // W [out, in].
  at::Tensor Dense(at::ScalarType type) const;

  // Rows of W as [rows.size(), in] float32.
  at::Tensor Rows(std::span<const int64_t> rows) const;

  static StoredMatrix FromDense(
      const at::Tensor& weight);  // [out, in] float32, bfloat16 or float16
};

// The same matrix with its tensors on `device`.
StoredMatrix MovedTo(StoredMatrix matrix, at::Device device);

// type: float32, bfloat16 or float16.
NumberFormat FormatOf(at::ScalarType type);

}  // namespace sightline::model
