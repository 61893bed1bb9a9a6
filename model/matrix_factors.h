#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sightline::model {

// D ~ b a, with the best matrices of that rank there are, or close to them.
struct MatrixFactors {
  at::Tensor a;  // [rank, in] float32
  at::Tensor b;  // [out, rank] float32
  int64_t rank = 0;
  double error = 0;  // ||D - b a|| / ||D||, Frobenius
};

// The smallest rank with an error of at most `error`, and `max_rank` where none up to it has.
// difference: [out, in] float32 on the CPU, not all zero. A full singular value decomposition where
// a side is short; else subspace iteration from random vectors (Halko, Martinsson, Tropp 2011,
// algorithm 4.4, orthogonalised at each step), whose seed is fixed.
MatrixFactors FactorMatrix(const at::Tensor& difference, int64_t max_rank, double error);

}  // namespace sightline::model
