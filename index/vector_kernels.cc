#include "index/vector_kernels.h"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sightline::index {
namespace {

float DotPlain(const float* query, const uint16_t* stored, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; ++i) sum += query[i] * FromHalf(stored[i]);
  return sum;
}

float DotBytesPlain(const float* query, const uint8_t* stored, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; ++i) sum += query[i] * static_cast<float>(stored[i] - 128);
  return sum;
}

void WidenPlain(const uint16_t* stored, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = FromHalf(stored[i]);
}

#if defined(__x86_64__)

#define SL_AVX2 __attribute__((target("avx2,fma,f16c")))

SL_AVX2 inline __m256 Load8(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

SL_AVX2 inline float Sum8(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

SL_AVX2 float DotAvx2(const float* query, const uint16_t* stored, size_t n) {
  __m256 a = _mm256_setzero_ps();
  __m256 b = _mm256_setzero_ps();
  __m256 c = _mm256_setzero_ps();
  __m256 d = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    a = _mm256_fmadd_ps(_mm256_loadu_ps(query + i), Load8(stored + i), a);
    b = _mm256_fmadd_ps(_mm256_loadu_ps(query + i + 8), Load8(stored + i + 8), b);
    c = _mm256_fmadd_ps(_mm256_loadu_ps(query + i + 16), Load8(stored + i + 16), c);
    d = _mm256_fmadd_ps(_mm256_loadu_ps(query + i + 24), Load8(stored + i + 24), d);
  }
  for (; i + 8 <= n; i += 8) {
    a = _mm256_fmadd_ps(_mm256_loadu_ps(query + i), Load8(stored + i), a);
  }
  const float sum = Sum8(_mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
  return sum + DotPlain(query + i, stored + i, n - i);
}

SL_AVX2 inline __m256 Bytes8(const uint8_t* p) {
  const __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(wide, _mm256_set1_epi32(128)));
}

SL_AVX2 float DotBytesAvx2(const float* query, const uint8_t* stored, size_t n) {
  __m256 a = _mm256_setzero_ps();
  __m256 b = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    a = _mm256_fmadd_ps(_mm256_loadu_ps(query + i), Bytes8(stored + i), a);
    b = _mm256_fmadd_ps(_mm256_loadu_ps(query + i + 8), Bytes8(stored + i + 8), b);
  }
  return Sum8(_mm256_add_ps(a, b)) + DotBytesPlain(query + i, stored + i, n - i);
}

SL_AVX2 void WidenAvx2(const uint16_t* stored, size_t n, float* out) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, Load8(stored + i));
  WidenPlain(stored + i, n - i, out + i);
}

#define SL_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx2,fma,f16c")))

SL_AVX512 inline __m512 Load16(const uint16_t* p) {
  // All lanes kept; the plain form trips a false warning of GCC 12.
  return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

SL_AVX512 inline float Sum16(__m512 v) {
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, v);
  float sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

SL_AVX512 float DotAvx512(const float* query, const uint16_t* stored, size_t n) {
  __m512 a = _mm512_setzero_ps();
  __m512 b = _mm512_setzero_ps();
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    a = _mm512_fmadd_ps(_mm512_loadu_ps(query + i), Load16(stored + i), a);
    b = _mm512_fmadd_ps(_mm512_loadu_ps(query + i + 16), Load16(stored + i + 16), b);
  }
  return Sum16(_mm512_add_ps(a, b)) + DotPlain(query + i, stored + i, n - i);
}

SL_AVX512 inline __m512 Bytes16(const uint8_t* p) {
  const __m512i wide =
      _mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return _mm512_maskz_cvtepi32_ps(0xffff, _mm512_sub_epi32(wide, _mm512_set1_epi32(128)));
}

SL_AVX512 float DotBytesAvx512(const float* query, const uint8_t* stored, size_t n) {
  __m512 a = _mm512_setzero_ps();
  __m512 b = _mm512_setzero_ps();
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    a = _mm512_fmadd_ps(_mm512_loadu_ps(query + i), Bytes16(stored + i), a);
    b = _mm512_fmadd_ps(_mm512_loadu_ps(query + i + 16), Bytes16(stored + i + 16), b);
  }
  return Sum16(_mm512_add_ps(a, b)) + DotBytesPlain(query + i, stored + i, n - i);
}

#endif  // __x86_64__

std::vector<VectorKernels> FindSupported() {
  std::vector<VectorKernels> found = {{"plain", DotPlain, DotBytesPlain, WidenPlain}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("f16c");
  if (avx2) found.push_back({"avx2", DotAvx2, DotBytesAvx2, WidenAvx2});
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back({"avx512", DotAvx512, DotBytesAvx512, WidenAvx2});
  }
#endif
  return found;
}

}  // namespace

std::span<const VectorKernels> SupportedKernels() {
  static const auto* const kernels = new std::vector<VectorKernels>(FindSupported());
  return *kernels;
}

const VectorKernels& BestKernels() {
  static const VectorKernels& best = SupportedKernels().back();
  return best;
}

uint16_t ToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;   // not a number
  if (magnitude >= 0x477ff000) return sign | 0x7c00;  // 65520 and above round to infinity
  if (magnitude < 0x38800000) {
    // Below the smallest normal half, 2^-14: the adder rounds for us when the unit of 0.5f is
    // 2^-24.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000));
  }
  // Exponent re-biased by 127 - 15; 13 bits of fraction go, rounded to nearest, ties to even.
  const uint32_t odd = magnitude >> 13 & 1;
  return static_cast<uint16_t>(sign | (magnitude - 0x38000000 + 0xfff + odd) >> 13);
}

float FromHalf(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00)
    return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  // Scaling by 2^112 moves the exponent's bias and makes subnormals right.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(scaled));
}

std::vector<uint16_t> ToHalf(std::span<const float> values) {
  std::vector<uint16_t> out;
  out.reserve(values.size());
  for (const float value : values) out.push_back(ToHalf(value));
  return out;
}

}  // namespace sightline::index
