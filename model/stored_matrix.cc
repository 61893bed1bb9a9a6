#include "model/stored_matrix.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

namespace sightline::model {
namespace {

// From this many rows of x on, expanding a block of W and leaving the product to BLAS is faster
// than our own loop, which goes over the expanded row once for each few rows of x.
constexpr int64_t kRowsForBlas = 8;
// Floats of W expanded at a time on the way to BLAS: they stay in the second or third cache.
constexpr int64_t kBlockFloats = int64_t{1} << 19;
// A task below this many numbers is over before another thread has woken up.
constexpr int64_t kLeastNumbersForThread = int64_t{1} << 16;

MatrixView ViewOf(const StoredMatrix& matrix) {
  MatrixView view;
  view.format = matrix.format;
  view.rows = matrix.input_major ? matrix.in : matrix.out;
  view.columns = matrix.input_major ? matrix.out : matrix.in;
  view.numbers = static_cast<const uint8_t*>(matrix.numbers.data_ptr());
  if (matrix.scales.defined()) {
    view.scales = matrix.scales.data_ptr();
    view.scale_format = FormatOf(matrix.scales.scalar_type());
    view.block_rows = matrix.block_rows;
    view.block_columns = matrix.block_columns;
  }
  if (matrix.zeros.defined()) view.zeros = matrix.zeros.data_ptr<int16_t>();
  return view;
}

int64_t RowsPerTask(const MatrixView& view) {
  return std::max<int64_t>(1, kLeastNumbersForThread / std::max<int64_t>(1, view.columns));
}

// Stored rows [first, first + count) as float32.
void ExpandRows(const MatrixView& view, int64_t first, int64_t count, float* out) {
  const MatrixKernels& kernels = BestMatrixKernels();
  at::parallel_for(0, count, RowsPerTask(view), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      kernels.expand(view, first + row, 0, view.columns, out + row * view.columns);
    }
  });
}

// x: [m, in] float32, contiguous. Returns [m, out].
at::Tensor MultiplyFew(const MatrixView& view, bool input_major, const at::Tensor& x, int64_t out) {
  const MatrixKernels& kernels = BestMatrixKernels();
  const int64_t m = x.size(0);
  at::Tensor y = at::empty({m, out}, x.options());
  const float* const from = x.data_ptr<float>();
  float* const to = y.data_ptr<float>();
  if (!input_major) {
    at::parallel_for(0, view.rows, RowsPerTask(view), [&](int64_t begin, int64_t end) {
      kernels.multiply_rows(view, begin, end, from, m, to, out);
    });
    return y;
  }
  // Pieces of whole scale blocks, so that no task starts inside a pair of kUint4.
  const int64_t piece = std::max<int64_t>(2, view.scales != nullptr ? view.block_columns : 64);
  const int64_t pieces = (view.columns + piece - 1) / piece;
  const int64_t grain =
      std::max<int64_t>(1, kLeastNumbersForThread / std::max<int64_t>(1, piece * view.rows));
  at::parallel_for(0, pieces, grain, [&](int64_t begin, int64_t end) {
    kernels.multiply_columns(view, begin * piece, std::min(end * piece, view.columns), from, m, to,
                             out);
  });
  return y;
}

at::Tensor MultiplyMany(const MatrixView& view, bool input_major, const at::Tensor& x,
                        int64_t out) {
  const int64_t block = std::clamp<int64_t>(kBlockFloats / std::max<int64_t>(1, view.columns), 1,
                                            std::max<int64_t>(1, view.rows));
  at::Tensor expanded = at::empty({block, view.columns}, x.options());
  at::Tensor y = input_major ? at::zeros({x.size(0), out}, x.options())
                             : at::empty({x.size(0), out}, x.options());
  for (int64_t first = 0; first < view.rows; first += block) {
    const int64_t count = std::min(block, view.rows - first);
    ExpandRows(view, first, count, expanded.data_ptr<float>());
    const at::Tensor rows = expanded.narrow(0, 0, count);
    if (input_major) {
      y.addmm_(x.narrow(1, first, count), rows);
    } else {
      at::Tensor part = y.narrow(1, first, count);
      at::mm_out(part, x, rows.t());
    }
  }
  return y;
}

// The stored numbers as float32 before scaling, [rows, columns], by tensor operations: for devices
// the kernels do not run on.
at::Tensor StoredNumbers(const StoredMatrix& matrix) {
  const at::Tensor& numbers = matrix.numbers;
  if (matrix.format == NumberFormat::kUint4) {
    return at::stack({numbers.bitwise_and(15), numbers.bitwise_right_shift(4)}, -1)
        .flatten(1)
        .to(at::kFloat);
  }
  if (matrix.format != NumberFormat::kFp8) return numbers.to(at::kFloat);
  const at::Tensor wide = numbers.to(at::kInt);
  const at::Tensor exponent = wide.bitwise_right_shift(3).bitwise_and(15);
  const at::Tensor fraction = wide.bitwise_and(7).to(at::kFloat).div(8);
  // 2^(e - 7) (1 + f), and 2^-6 f where e is 0.
  const at::Tensor magnitude =
      at::where(exponent.eq(0), fraction.mul(0x1p-6),
                fraction.add(1).mul(at::pow(2.0, exponent.to(at::kFloat).sub(7))));
  return at::where(wide.ge(128), magnitude.neg(), magnitude);
}

at::Tensor ScaledNumbers(const StoredMatrix& matrix) {
  at::Tensor values = StoredNumbers(matrix);
  if (!matrix.scales.defined()) return values;
  const auto spread = [&](const at::Tensor& blocks) {
    return blocks.to(at::kFloat)
        .repeat_interleave(matrix.block_rows, 0)
        .repeat_interleave(matrix.block_columns, 1)
        .narrow(0, 0, values.size(0))
        .narrow(1, 0, values.size(1));
  };
  if (matrix.zeros.defined()) {
    values = values.sub(spread(matrix.zeros));
  } else if (matrix.format != NumberFormat::kFp8) {
    values = values.sub(matrix.format == NumberFormat::kUint4 ? 8 : 128);
  }
  return values.mul(spread(matrix.scales));
}

}  // namespace

int64_t StoredMatrix::bytes() const {
  int64_t total = 0;
  for (const at::Tensor* part : {&numbers, &scales, &zeros, &input_order}) {
    if (part->defined()) total += static_cast<int64_t>(part->nbytes());
  }
  return total;
}

at::Tensor StoredMatrix::Multiply(const at::Tensor& x) const {
  if (plain() && x.scalar_type() == numbers.scalar_type()) {
    return input_major ? at::matmul(x, numbers) : at::linear(x, numbers);
  }
  if (!x.is_cpu()) return at::linear(x, Dense(x.scalar_type()));
  std::vector<int64_t> shape = x.sizes().vec();
  at::Tensor rows = x.reshape({-1, in}).to(at::kFloat);
  rows = input_order.defined() ? rows.index_select(1, input_order) : rows.contiguous();
  const MatrixView view = ViewOf(*this);
  const at::Tensor y = rows.size(0) < kRowsForBlas ? MultiplyFew(view, input_major, rows, out)
                                                   : MultiplyMany(view, input_major, rows, out);
  shape.back() = out;
  return y.view(shape).to(x.scalar_type());
}

at::Tensor StoredMatrix::Dense(at::ScalarType type) const {
  at::Tensor values = plain() ? numbers : ScaledNumbers(*this);
  if (input_major) values = values.t();
  if (input_order.defined()) {
    values = at::empty_like(values).index_copy_(1, input_order, values);
  }
  return values.to(type).contiguous();
}

at::Tensor StoredMatrix::Rows(std::span<const int64_t> rows) const {
  const at::Tensor wanted =
      at::tensor(at::IntArrayRef(rows.data(), rows.size())).to(numbers.device());
  if (plain() && !input_major && !input_order.defined()) {
    return numbers.index_select(0, wanted).to(at::kFloat);
  }
  return Dense(at::kFloat).index_select(0, wanted);
}

StoredMatrix StoredMatrix::FromDense(const at::Tensor& weight) {
  StoredMatrix matrix;
  matrix.format = FormatOf(weight.scalar_type());
  matrix.out = weight.size(0);
  matrix.in = weight.size(1);
  matrix.numbers = weight;
  return matrix;
}

StoredMatrix MovedTo(StoredMatrix matrix, at::Device device) {
  for (at::Tensor* part : {&matrix.numbers, &matrix.scales, &matrix.zeros, &matrix.input_order}) {
    if (part->defined()) *part = part->to(device);
  }
  return matrix;
}

NumberFormat FormatOf(at::ScalarType type) {
  return type == at::kFloat      ? NumberFormat::kFloat32
         : type == at::kBFloat16 ? NumberFormat::kBFloat16
                                 : NumberFormat::kFloat16;
}

}  // namespace sightline::model
