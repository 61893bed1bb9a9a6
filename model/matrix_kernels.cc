#include "model/matrix_kernels.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

namespace sightline::model {
namespace {

// The loops below are written once. Each set of instructions gets its own copy of them: a function
// with that target calls the body, which the compiler must inline and then vectorises for it.
#define SL_BODY inline __attribute__((always_inline))

// Columns that are expanded at a time: they stay in the first cache.
constexpr int64_t kTile = 1024;
// Rows of x that share one pass over a tile.
constexpr int64_t kRowsAtOnce = 4;

// A register's worth of floats.
template <int kCount>
struct Lanes {
  typedef float Type __attribute__((vector_size(kCount * sizeof(float))));
};
// Values of registers the target does not have never cross a call: everything is inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

SL_BODY float FromBFloat16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Finite halves only. Scaling by 2^112 moves the exponent's bias and makes subnormals right.
SL_BODY float FromFloat16(uint16_t bits) {
  const float magnitude =
      std::bit_cast<float>(static_cast<uint32_t>(bits & 0x7fff) << 13) * 0x1p112f;
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

// 4 bits of exponent, bias 7, and 3 of fraction. Multiplying as above would make float32 subnormals
// of the smallest, which processors are slow at.
SL_BODY float FromFp8(uint8_t bits) {
  const float normal =
      std::bit_cast<float>((static_cast<uint32_t>(bits & 0x7f) << 20) + (120u << 23));
  // Both computed and one chosen by its bits: a branch would keep the loop from being vectorised.
  const float subnormal = 2 * (normal - 0x1p-7f);
  const uint32_t small = (bits & 0x78) == 0 ? ~0u : 0u;
  const uint32_t magnitude =
      (std::bit_cast<uint32_t>(normal) & ~small) | (std::bit_cast<uint32_t>(subnormal) & small);
  const uint32_t sign = static_cast<uint32_t>(bits & 0x80) << 24;
  return std::bit_cast<float>(sign | magnitude);
}

SL_BODY uint16_t Load16(const uint8_t* p) {
  uint16_t bits;
  std::memcpy(&bits, p, sizeof(bits));
  return bits;
}

SL_BODY float ScaleAt(const MatrixView& m, int64_t block) {
  const auto* const bytes = static_cast<const uint8_t*>(m.scales);
  switch (m.scale_format) {
    case NumberFormat::kBFloat16: return FromBFloat16(Load16(bytes + 2 * block));
    case NumberFormat::kFloat16: return FromFloat16(Load16(bytes + 2 * block));
    default: break;
  }
  float scale;
  std::memcpy(&scale, bytes + 4 * block, sizeof(scale));
  return scale;
}

// Numbers of one block: all share `zero` and `scale`.
SL_BODY void ExpandScaled(NumberFormat format, const uint8_t* in, int64_t count, float zero,
                          float scale, float* __restrict out) {
  if (format == NumberFormat::kUint4) {
    for (int64_t i = 0; i < count / 2; ++i) {
      out[2 * i] = (static_cast<float>(in[i] & 15) - zero) * scale;
      out[2 * i + 1] = (static_cast<float>(in[i] >> 4) - zero) * scale;
    }
  } else if (format == NumberFormat::kUint8) {
    for (int64_t i = 0; i < count; ++i) out[i] = (static_cast<float>(in[i]) - zero) * scale;
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = (FromFp8(in[i]) - zero) * scale;
  }
}

SL_BODY void ExpandFloats(NumberFormat format, const uint8_t* in, int64_t count,
                          float* __restrict out) {
  if (format == NumberFormat::kFloat32) {
    std::memcpy(out, in, static_cast<size_t>(count) * sizeof(float));
  } else if (format == NumberFormat::kBFloat16) {
    for (int64_t i = 0; i < count; ++i) out[i] = FromBFloat16(Load16(in + 2 * i));
  } else if (format == NumberFormat::kFloat16) {
    for (int64_t i = 0; i < count; ++i) out[i] = FromFloat16(Load16(in + 2 * i));
  } else {
    for (int64_t i = 0; i < count; ++i) out[i] = FromFp8(in[i]);
  }
}

SL_BODY void ExpandBody(const MatrixView& m, int64_t row, int64_t column, int64_t count,
                        float* out) {
  const uint8_t* in = m.numbers + row * BytesOf(m.format, m.columns) + BytesOf(m.format, column);
  if (m.scales == nullptr) return ExpandFloats(m.format, in, count, out);
  const int64_t blocks = (m.columns + m.block_columns - 1) / m.block_columns;
  const int64_t block_row = row / m.block_rows * blocks;
  const float middle = m.format == NumberFormat::kUint4   ? 8.0f
                       : m.format == NumberFormat::kUint8 ? 128.0f
                                                          : 0.0f;
  for (int64_t at = column; at < column + count;) {
    const int64_t block = at / m.block_columns;
    const int64_t n = std::min((block + 1) * m.block_columns, column + count) - at;
    const float zero = m.zeros == nullptr ? middle : static_cast<float>(m.zeros[block_row + block]);
    ExpandScaled(m.format, in, n, zero, ScaleAt(m, block_row + block), out);
    in += BytesOf(m.format, n);
    out += n;
    at += n;
  }
}

template <int kLanes>
SL_BODY typename Lanes<kLanes>::Type LoadLanes(const float* p) {
  typename Lanes<kLanes>::Type lanes;
  std::memcpy(&lanes, p, sizeof(lanes));
  return lanes;
}

// sums[i] += dot(w, x row i) over `count` columns; rows of x are `stride` apart.
template <int kLanes, int kRows>
SL_BODY void DotTile(const float* w, const float* x, int64_t stride, int64_t count, float* sums) {
  typename Lanes<kLanes>::Type even[kRows] = {}, odd[kRows] = {};
  int64_t c = 0;
  for (; c + 2 * kLanes <= count; c += 2 * kLanes) {
    const auto w0 = LoadLanes<kLanes>(w + c), w1 = LoadLanes<kLanes>(w + c + kLanes);
    for (int i = 0; i < kRows; ++i) {
      even[i] += w0 * LoadLanes<kLanes>(x + i * stride + c);
      odd[i] += w1 * LoadLanes<kLanes>(x + i * stride + c + kLanes);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    const auto both = even[i] + odd[i];
    float sum = 0;
    for (int lane = 0; lane < kLanes; ++lane) sum += both[lane];
    for (int64_t k = c; k < count; ++k) sum += w[k] * x[i * stride + k];
    sums[i] += sum;
  }
}

template <int kLanes>
SL_BODY void DotRows(const float* w, const float* x, int64_t stride, int64_t count, int64_t rows,
                     float* sums) {
  switch (rows) {
    case 1: return DotTile<kLanes, 1>(w, x, stride, count, sums);
    case 2: return DotTile<kLanes, 2>(w, x, stride, count, sums);
    case 3: return DotTile<kLanes, 3>(w, x, stride, count, sums);
    default: return DotTile<kLanes, 4>(w, x, stride, count, sums);
  }
}

template <int kLanes>
SL_BODY void MultiplyRowsBody(const MatrixView& m, int64_t first, int64_t last, const float* x,
                              int64_t x_rows, float* out, int64_t out_stride) {
  alignas(64) float tile[kTile];
  // Expanded columns start where a pair of kUint4 does, so tiles are even.
  for (int64_t row = first; row < last; ++row) {
    for (int64_t i = 0; i < x_rows; ++i) out[i * out_stride + row] = 0;
    for (int64_t column = 0; column < m.columns; column += kTile) {
      const int64_t count = std::min(kTile, m.columns - column);
      ExpandBody(m, row, column, count, tile);
      for (int64_t i = 0; i < x_rows; i += kRowsAtOnce) {
        const int64_t rows = std::min(kRowsAtOnce, x_rows - i);
        float sums[kRowsAtOnce] = {};
        DotRows<kLanes>(tile, x + i * m.columns + column, m.columns, count, rows, sums);
        for (int64_t j = 0; j < rows; ++j) out[(i + j) * out_stride + row] += sums[j];
      }
    }
  }
}

SL_BODY void MultiplyColumnsBody(const MatrixView& m, int64_t first, int64_t last, const float* x,
                                 int64_t x_rows, float* out, int64_t out_stride) {
  alignas(64) float tile[kTile];
  for (int64_t column = first; column < last; column += kTile) {
    const int64_t count = std::min(kTile, last - column);
    for (int64_t i = 0; i < x_rows; ++i) std::fill_n(out + i * out_stride + column, count, 0.0f);
    for (int64_t row = 0; row < m.rows; ++row) {
      ExpandBody(m, row, column, count, tile);
      for (int64_t i = 0; i < x_rows; ++i) {
        const float factor = x[i * m.rows + row];
        float* const __restrict to = out + i * out_stride + column;
        for (int64_t c = 0; c < count; ++c) to[c] += factor * tile[c];
      }
    }
  }
}

#define SL_KERNELS(suffix, lanes, target)                                                         \
  target void Expand##suffix(const MatrixView& m, int64_t row, int64_t column, int64_t count,     \
                             float* out) {                                                        \
    ExpandBody(m, row, column, count, out);                                                       \
  }                                                                                               \
  target void MultiplyRows##suffix(const MatrixView& m, int64_t first, int64_t last,              \
                                   const float* x, int64_t rows, float* out, int64_t stride) {    \
    MultiplyRowsBody<lanes>(m, first, last, x, rows, out, stride);                                \
  }                                                                                               \
  target void MultiplyColumns##suffix(const MatrixView& m, int64_t first, int64_t last,           \
                                      const float* x, int64_t rows, float* out, int64_t stride) { \
    MultiplyColumnsBody(m, first, last, x, rows, out, stride);                                    \
  }

SL_KERNELS(Plain, 4, )
#if defined(__x86_64__)
SL_KERNELS(Avx2, 8, __attribute__((target("avx2,fma"))))
SL_KERNELS(
    Avx512, 16,
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,prefer-vector-width=512"))))
#endif

std::vector<MatrixKernels> FindSupported() {
  std::vector<MatrixKernels> found = {
      {"plain", ExpandPlain, MultiplyRowsPlain, MultiplyColumnsPlain}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2) found.push_back({"avx2", ExpandAvx2, MultiplyRowsAvx2, MultiplyColumnsAvx2});
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    found.push_back({"avx512", ExpandAvx512, MultiplyRowsAvx512, MultiplyColumnsAvx512});
  }
#endif
  return found;
}

const std::vector<MatrixKernels>& Supported() {
  static const auto* const kernels = new std::vector<MatrixKernels>(FindSupported());
  return *kernels;
}

}  // namespace

int64_t BytesOf(NumberFormat format, int64_t numbers) {
  switch (format) {
    case NumberFormat::kFloat32: return 4 * numbers;
    case NumberFormat::kBFloat16:
    case NumberFormat::kFloat16: return 2 * numbers;
    case NumberFormat::kFp8:
    case NumberFormat::kUint8: return numbers;
    case NumberFormat::kUint4: return numbers / 2;
  }
  return 0;
}

const MatrixKernels& BestMatrixKernels() {
  static const MatrixKernels& best = Supported().back();
  return best;
}

const MatrixKernels* SupportedMatrixKernels(int& count) {
  count = static_cast<int>(Supported().size());
  return Supported().data();
}

}  // namespace sightline::model
