// The loops of training_kernels.h in GCC's vector types of SL_LANES floats, included by one .cc for
// each instruction set. Everything has internal linkage and nothing of the standard library is
// used, as in attention_kernel_loops.h.

#include "model/training_kernels.h"

namespace sightline::model {
namespace {

constexpr int64_t kLanes = SL_LANES;
static_assert(kTrainingLanes % kLanes == 0);

typedef float Vector __attribute__((vector_size(4 * SL_LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * SL_LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * SL_LANES)));
typedef float LooseVector __attribute__((vector_size(4 * SL_LANES), aligned(4), may_alias));
typedef uint16_t Shorts __attribute__((vector_size(2 * SL_LANES)));
typedef uint16_t LooseShorts __attribute__((vector_size(2 * SL_LANES), aligned(2), may_alias));

inline Vector Load(const float* p) { return *reinterpret_cast<const LooseVector*>(p); }
inline Vector Load(const Bf16Bits* p) {
  const Words wide = __builtin_convertvector(*reinterpret_cast<const LooseShorts*>(p), Words);
  return reinterpret_cast<Vector>(wide << 16);
}
inline void Store(float* p, Vector x) { *reinterpret_cast<LooseVector*>(p) = x; }
// To the nearest, ties to even.
inline void Store(Bf16Bits* p, Vector x) {
  const Words bits = reinterpret_cast<Words>(x);
  const Words rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  *reinterpret_cast<LooseShorts*>(p) = __builtin_convertvector(rounded, Shorts);
}
inline Vector All(float x) { return x - Vector{}; }

inline float Sum(Vector x) {
  float sum = 0;
  for (int i = 0; i < kLanes; ++i) sum += x[i];
  return sum;
}

// e^x within some units in the last place; x is held to [-87, 87].
inline Vector Exp(Vector x) {
  x = x > All(-87.0f) ? x : All(-87.0f);
  x = x < All(87.0f) ? x : All(87.0f);
  const Vector shift = All(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const Vector shifted = x * 1.44269504f + shift;
  const Vector turns = shifted - shift;
  const Vector rest = (x - turns * 0.693145752f) - turns * 1.42860677e-6f;  // ln 2 in two parts
  Vector series = All(1.0f / 720.0f);                                       // Taylor's terms
  series = series * rest + 1.0f / 120.0f;
  series = series * rest + 1.0f / 24.0f;
  series = series * rest + 1.0f / 6.0f;
  series = series * rest + 0.5f;
  series = series * rest + 1.0f;
  series = series * rest + 1.0f;
  const Ints power = (reinterpret_cast<Ints>(shifted) << 23) + reinterpret_cast<Ints>(series);
  return reinterpret_cast<Vector>(power);
}

inline Vector Sigmoid(Vector x) { return 1.0f / (1.0f + Exp(-x)); }

template <typename Number>
void NormForward(const Number* x, const Number* weight, int64_t rows, int64_t n, float eps,
                 Number* y, float* inverse) {
  for (int64_t row = 0; row < rows; ++row, x += n, y += n) {
    Vector squares = {};
    for (int64_t i = 0; i < n; i += kLanes) {
      const Vector value = Load(x + i);
      squares += value * value;
    }
    const float r = 1.0f / __builtin_sqrtf(Sum(squares) / static_cast<float>(n) + eps);
    inverse[row] = r;
    for (int64_t i = 0; i < n; i += kLanes) Store(y + i, Load(x + i) * r * Load(weight + i));
  }
}

// With g = dy * weight: dx = r * (g - x * r^2 * mean(g x)).
template <typename Number>
void NormBackward(const Number* x, const Number* weight, const float* inverse, const Number* dy,
                  int64_t rows, int64_t n, Number* dx, float* dweight) {
  for (int64_t row = 0; row < rows; ++row, x += n, dy += n, dx += n) {
    const float r = inverse[row];
    Vector products = {};
    for (int64_t i = 0; i < n; i += kLanes) {
      const Vector value = Load(x + i), change = Load(dy + i);
      products += value * change * Load(weight + i);
      Store(dweight + i, Load(dweight + i) + change * value * r);
    }
    const float pull = Sum(products) / static_cast<float>(n) * r * r;
    for (int64_t i = 0; i < n; i += kLanes) {
      Store(dx + i, (Load(dy + i) * Load(weight + i) - Load(x + i) * pull) * r);
    }
  }
}

template <typename Number>
void Rotate(const Number* x, int64_t token_stride, int64_t head_stride, const float* cos,
            const float* sin, int64_t tokens, int64_t heads, int64_t d, bool back, Number* y) {
  const int64_t half = d / 2;
  for (int64_t token = 0; token < tokens; ++token, cos += d, sin += d) {
    for (int64_t head = 0; head < heads; ++head, y += d) {
      const Number* const from = x + token * token_stride + head * head_stride;
      for (int64_t i = 0; i < half; i += kLanes) {
        const Vector a = Load(from + i), b = Load(from + half + i);
        if (back) {
          Store(y + i, a * Load(cos + i) + b * Load(sin + half + i));
          Store(y + half + i, b * Load(cos + half + i) - a * Load(sin + i));
        } else {
          Store(y + i, a * Load(cos + i) - b * Load(sin + i));
          Store(y + half + i, b * Load(cos + half + i) + a * Load(sin + half + i));
        }
      }
    }
  }
}

template <typename Number>
void SwiGluForward(const Number* gate, const Number* up, int64_t count, Number* y) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const Vector g = Load(gate + i);
    Store(y + i, g * Sigmoid(g) * Load(up + i));
  }
}

template <typename Number>
void SwiGluBackward(const Number* gate, const Number* up, const Number* dy, int64_t count,
                    Number* dgate, Number* dup) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const Vector g = Load(gate + i), change = Load(dy + i), s = Sigmoid(g);
    Store(dup + i, change * g * s);
    Store(dgate + i, change * Load(up + i) * s * (1.0f + g * (1.0f - s)));
  }
}

constexpr float kGeluScale = 0.797884561f;  // sqrt(2 / pi)
constexpr float kGeluCube = 0.044715f;

// (1 + tanh z) / 2 is the sigmoid of 2 z.
template <typename Number>
void GeluForward(const Number* x, int64_t count, Number* y) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const Vector v = Load(x + i);
    Store(y + i, v * Sigmoid(2 * kGeluScale * (v + kGeluCube * v * v * v)));
  }
}

template <typename Number>
void GeluBackward(const Number* x, const Number* dy, int64_t count, Number* dx) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const Vector v = Load(x + i);
    const Vector s = Sigmoid(2 * kGeluScale * (v + kGeluCube * v * v * v));
    const Vector slope = 2 * kGeluScale * (1.0f + 3 * kGeluCube * v * v);
    Store(dx + i, Load(dy + i) * s * (1.0f + v * slope * (1.0f - s)));
  }
}

template <typename Number>
constexpr TrainingKernels<Number> kTrainingKernels = {
    NormForward<Number>,    NormBackward<Number>, Rotate<Number>,      SwiGluForward<Number>,
    SwiGluBackward<Number>, GeluForward<Number>,  GeluBackward<Number>};

constexpr TrainingKernelSet kTrainingKernelSet = {kTrainingKernels<float>,
                                                  kTrainingKernels<Bf16Bits>};

}  // namespace
}  // namespace sightline::model
