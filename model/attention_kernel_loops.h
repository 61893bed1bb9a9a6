// The loops of attention_kernel.h, written once in GCC's vector types. Included by one .cc for each
// instruction set, which names the width: SL_LANES floats a vector, and the tile that fills its
// registers: SL_TILE_ROWS rows times SL_TILE_VECTORS vectors. Everything has internal linkage and
// nothing of the standard library is used: a function compiled here for AVX-512 must never be the
// one that the linker keeps for all.

#include "model/attention_kernel.h"

namespace sightline::model {
namespace {

constexpr int kLanes = SL_LANES;
constexpr int kTileRows = SL_TILE_ROWS;
constexpr int kTileVectors = SL_TILE_VECTORS;
constexpr int kTileColumns = kLanes * kTileVectors;
static_assert(kKeyPanel % kTileColumns == 0 && kKeyBlock % kKeyPanel == 0 && 16 % kLanes == 0);

typedef float Vector __attribute__((vector_size(4 * SL_LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * SL_LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * SL_LANES)));
typedef float LooseVector __attribute__((vector_size(4 * SL_LANES), aligned(4), may_alias));
typedef uint16_t LooseShorts __attribute__((vector_size(2 * SL_LANES), aligned(2), may_alias));

constexpr float kLowest = -3.0e38f;

inline Vector Load(const float* p) { return *reinterpret_cast<const LooseVector*>(p); }
inline Vector Load(const Bf16Bits* p) {
  const Words wide = __builtin_convertvector(*reinterpret_cast<const LooseShorts*>(p), Words);
  return reinterpret_cast<Vector>(wide << 16);
}
inline void Store(float* p, Vector x) { *reinterpret_cast<LooseVector*>(p) = x; }
inline Vector All(float x) { return x - Vector{}; }
inline Vector Larger(Vector a, Vector b) { return a > b ? a : b; }

// 2^x for x <= 0, within 2 units in the last place; exactly 0 below -126.
inline Vector Exp2(Vector x) {
  const Vector shift = All(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const Vector bounded = Larger(x, All(-126.0f));
  const Vector shifted = bounded + shift;
  const Vector f = bounded - (shifted - shift);  // in [-0.5, 0.5]
  // Taylor's terms ln(2)^n / n!.
  Vector y = All(1.54035304e-4f);
  y = y * f + 1.33335581e-3f;
  y = y * f + 9.61812911e-3f;
  y = y * f + 5.55041087e-2f;
  y = y * f + 2.40226507e-1f;
  y = y * f + 6.93147181e-1f;
  y = y * f + 1.0f;
  const Ints power = (reinterpret_cast<Ints>(shifted) << 23) + reinterpret_cast<Ints>(y);
  const Ints kept = x >= All(-126.0f);
  return reinterpret_cast<Vector>(power & kept);
}

// Scores of kRows rows against one panel. q: [kRows, d]; scores: [kRows, kKeyBlock].
template <int kRows, typename Element>
inline void ScorePanel(const float* q, const Element* panel, int64_t d, float* scores) {
  for (int64_t begin = 0; begin < kKeyPanel; begin += kTileColumns) {
    Vector sum[kRows][kTileVectors] = {};
    const Element* column = panel + begin;
    for (int64_t i = 0; i < d; ++i, column += kKeyPanel) {
      Vector key[kTileVectors];
      for (int v = 0; v < kTileVectors; ++v) key[v] = Load(column + v * kLanes);
      for (int r = 0; r < kRows; ++r) {
        const Vector one = All(q[r * d + i]);
        for (int v = 0; v < kTileVectors; ++v) sum[r][v] += one * key[v];
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kTileVectors; ++v) {
        Store(scores + r * kKeyBlock + begin + v * kLanes, sum[r][v]);
      }
    }
  }
}

// Turns one row's scores into weights. Scores past `seen` become 0 up to `padded`, a multiple of
// kLanes. Returns what the row's earlier sums must be multiplied by.
inline float Weigh(float* scores, int64_t seen, int64_t padded, float* highest, float* sum) {
  for (int64_t j = seen; j < padded; ++j) scores[j] = kLowest;
  Vector top = All(kLowest);
  for (int64_t j = 0; j < padded; j += kLanes) top = Larger(top, Load(scores + j));
  float high = *highest;
  for (int lane = 0; lane < kLanes; ++lane) high = top[lane] > high ? top[lane] : high;
  Vector total = {};
  for (int64_t j = 0; j < padded; j += kLanes) {
    const Vector weight = Exp2(Load(scores + j) - high);
    Store(scores + j, weight);
    total += weight;
  }
  const float scale = Exp2(All(*highest - high))[0];
  float added = 0;
  for (int lane = 0; lane < kLanes; ++lane) added += total[lane];
  *sum = *sum * scale + added;
  *highest = high;
  return scale;
}

// Adds weights times values to kVectors vectors of kRows rows. weights: [kRows, kKeyBlock]; mixed:
// [kRows, stride].
template <int kRows, int kVectors, typename Element>
inline void MixColumns(const float* weights, const float* scale, const Element* values,
                       int64_t value_stride, int64_t keys, float* mixed, int64_t stride) {
  Vector sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Load(mixed + r * stride + v * kLanes) * scale[r];
  }
  for (int64_t j = 0; j < keys; ++j, values += value_stride) {
    Vector value[kVectors];
    for (int v = 0; v < kVectors; ++v) value[v] = Load(values + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const Vector weight = All(weights[r * kKeyBlock + j]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] += weight * value[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) Store(mixed + r * stride + v * kLanes, sum[r][v]);
  }
}

// Keys of a block of `count` that row `row` sees.
inline int64_t SeenBy(const AttentionRows& rows, int64_t row, int64_t seen, int64_t count) {
  const int64_t keys = seen + row / rows.group;
  return keys < 0 ? 0 : keys < count ? keys : count;
}

template <int kRows, typename Element>
void AttendTile(const AttentionRows& rows, int64_t first, const KeyBlockView<Element>& block,
                int64_t seen) {
  // The last row sees the most.
  const int64_t most = SeenBy(rows, first + kRows - 1, seen, block.count);
  if (most == 0) return;
  const int64_t d = rows.d, stride = PaddedValues(d);
  alignas(64) float scores[kRows * kKeyBlock];
  for (int64_t begin = 0; begin < most; begin += kKeyPanel) {
    ScorePanel<kRows>(rows.q + first * d, block.keys + begin * d, d, scores + begin);
  }
  const int64_t padded = (most + kLanes - 1) / kLanes * kLanes;
  float scale[kRows];
  for (int r = 0; r < kRows; ++r) {
    scale[r] = Weigh(scores + r * kKeyBlock, SeenBy(rows, first + r, seen, block.count), padded,
                     rows.highest + first + r, rows.weights_sum + first + r);
  }
  float* const mixed = rows.mixed + first * stride;
  int64_t column = 0;
  for (; column + kTileColumns <= stride; column += kTileColumns) {
    MixColumns<kRows, kTileVectors>(scores, scale, block.values + column, block.value_stride, most,
                                    mixed + column, stride);
  }
  for (; column < stride; column += kLanes) {
    MixColumns<kRows, 1>(scores, scale, block.values + column, block.value_stride, most,
                         mixed + column, stride);
  }
}

// The tile of the rows that are left, fewer than a whole one.
template <int kRows, typename Element>
void AttendRest(const AttentionRows& rows, int64_t first, const KeyBlockView<Element>& block,
                int64_t seen) {
  if constexpr (kRows > 0) {
    if (rows.rows - first == kRows) {
      AttendTile<kRows>(rows, first, block, seen);
    } else {
      AttendRest<kRows - 1>(rows, first, block, seen);
    }
  }
}

template <typename Element>
void AttendBlock(const AttentionRows& rows, const KeyBlockView<Element>& block, int64_t seen) {
  int64_t first = 0;
  for (; first + kTileRows <= rows.rows; first += kTileRows) {
    AttendTile<kTileRows>(rows, first, block, seen);
  }
  AttendRest<kTileRows - 1>(rows, first, block, seen);
}

}  // namespace
}  // namespace sightline::model
