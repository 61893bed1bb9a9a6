#pragma once

#include <cstdint>

#include "model/attention_kernel.h"

namespace sightline::model {

// The inner loops of training_ops.h, without tensors, for rows of numbers of one type: float32, or
// bfloat16 as Bf16Bits. Inside all is float32. Compiled for AVX-512 and for any processor. Counts
// are multiples of kTrainingLanes.
inline constexpr int64_t kTrainingLanes = 16;

template <typename Number>
struct TrainingKernels {
  // y = x * r * weight with r = (mean(x^2) + eps)^-0.5, kept in `inverse` [rows].
  // x, y: [rows, n]; weight: [n].
  void (*norm_forward)(const Number* x, const Number* weight, int64_t rows, int64_t n, float eps,
                       Number* y, float* inverse);
  // From dy to dx; the weight's gradient is added to `dweight`, [n] float32.
  void (*norm_backward)(const Number* x, const Number* weight, const float* inverse,
                        const Number* dy, int64_t rows, int64_t n, Number* dx, float* dweight);
  // y[t, h] = x[t, h] turned by the angles of token t, or back where `back`. x has the strides
  // given and neighbouring numbers; y is [tokens, heads, d]; cos, sin: [tokens, d]; d is a multiple
  // of twice kTrainingLanes.
  void (*rotate)(const Number* x, int64_t token_stride, int64_t head_stride, const float* cos,
                 const float* sin, int64_t tokens, int64_t heads, int64_t d, bool back, Number* y);
  // y = gate * sigmoid(gate) * up, and back.
  void (*swiglu_forward)(const Number* gate, const Number* up, int64_t count, Number* y);
  void (*swiglu_backward)(const Number* gate, const Number* up, const Number* dy, int64_t count,
                          Number* dgate, Number* dup);
  // y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), and back.
  void (*gelu_forward)(const Number* x, int64_t count, Number* y);
  void (*gelu_backward)(const Number* x, const Number* dy, int64_t count, Number* dx);
};

struct TrainingKernelSet {
  TrainingKernels<float> of_float;
  TrainingKernels<Bf16Bits> of_bf16;
};

// The wider one that this processor runs.
const TrainingKernelSet& ChooseTrainingKernels();

// Each of them, for tests; null where this processor lacks it.
const TrainingKernelSet* TrainingKernelsBase();
const TrainingKernelSet* TrainingKernelsAvx512();

}  // namespace sightline::model
