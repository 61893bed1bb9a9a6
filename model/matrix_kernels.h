#pragma once

#include <cstdint>

namespace sightline::model {

// How the numbers of a weight matrix lie in memory.
enum class NumberFormat {
  kFloat32,
  kBFloat16,
  kFloat16,
  kFp8,    // e4m3 without infinities, one byte
  kUint8,  // one byte
  kUint4,  // half a byte, the first of two in the low half
};

// Columns whose values take one byte, or the other way round where that is less than one.
int64_t BytesOf(NumberFormat format, int64_t numbers);

// A row-major matrix in one of the formats. Numbers of kFp8, kUint8 and kUint4 are scaled a block
// at a time: value = (number - zero) * scale, both of the block the number lies in. Borrowed
// memory; `columns` of kUint4 is even.
struct MatrixView {
  NumberFormat format = NumberFormat::kFloat32;
  int64_t rows = 0;
  int64_t columns = 0;
  const uint8_t* numbers = nullptr;  // rows of BytesOf(format, columns) bytes
  // [ceil(rows / block_rows), ceil(columns / block_columns)]; null = not scaled.
  const void* scales = nullptr;
  NumberFormat scale_format = NumberFormat::kFloat32;  // one of the three floats
  const int16_t* zeros = nullptr;  // of the same shape; null = 8 for kUint4, 128 for kUint8, else 0
  int64_t block_rows = 1;
  int64_t block_columns = 1;  // even for kUint4
};

// What the processor at hand computes matrices with; sums in float32. Values that are not finite
// are not kept apart: weights hold none. Any thread.
struct MatrixKernels {
  const char* name;

  // Values of `count` columns of one row, from `column` on (even for kUint4), as float32.
  void (*expand)(const MatrixView& matrix, int64_t row, int64_t column, int64_t count, float* out);

  // out[i * out_stride + r] = dot(x row i, matrix row r) for matrix rows [first, last) and the m
  // rows of x, each `columns` long. Reads each matrix row once: for few x rows.
  void (*multiply_rows)(const MatrixView& matrix, int64_t first, int64_t last, const float* x,
                        int64_t m, float* out, int64_t out_stride);

  // out[i * out_stride + c] = sum over rows r of x[i * rows + r] * matrix[r, c] for columns
  // [first, last), `first` even for kUint4: the product with a matrix stored the other way round.
  void (*multiply_columns)(const MatrixView& matrix, int64_t first, int64_t last, const float* x,
                           int64_t m, float* out, int64_t out_stride);
};

// The fastest this processor has.
const MatrixKernels& BestMatrixKernels();

// Every one this processor can run, the plain one first. For tests.
const MatrixKernels* SupportedMatrixKernels(int& count);

}  // namespace sightline::model
