#include "index/code_kernels.h"

#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sightline::index {
namespace {

int32_t DotPlain(const uint8_t* stored, const int8_t* query, size_t n) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += stored[i] * query[i];
  return sum;
}

void Dot2Plain(const uint8_t* stored, const int8_t* first, const int8_t* second, size_t n,
               int32_t out[2]) {
  out[0] = DotPlain(stored, first, n);
  out[1] = DotPlain(stored, second, n);
}

int32_t DotStoredPlain(const uint8_t* a, const uint8_t* b, size_t n) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += a[i] * (b[i] - 128);
  return sum;
}

#if defined(__x86_64__)

// The loops are the same for each instruction set: what differs is the step of a register's width
// that adds products to sums, and how sums are added. A macro, because a template's body cannot
// take on the target of its argument.
#define SL_CODE_LOOPS(SET, SUMS, BYTES, WIDTH, ZERO, LOAD, FLIP, STEP, ADD, TOTAL)          \
  SET int32_t Dot(const uint8_t* stored, const int8_t* query, size_t n) {                   \
    SUMS a = ZERO();                                                                        \
    SUMS b = ZERO();                                                                        \
    size_t i = 0;                                                                           \
    for (; i + 2 * WIDTH <= n; i += 2 * WIDTH) {                                            \
      a = STEP(a, LOAD(stored + i), LOAD(query + i));                                       \
      b = STEP(b, LOAD(stored + i + WIDTH), LOAD(query + i + WIDTH));                       \
    }                                                                                       \
    for (; i + WIDTH <= n; i += WIDTH) a = STEP(a, LOAD(stored + i), LOAD(query + i));      \
    return TOTAL(ADD(a, b)) + DotPlain(stored + i, query + i, n - i);                       \
  }                                                                                         \
  SET void Dot2(const uint8_t* stored, const int8_t* first, const int8_t* second, size_t n, \
                int32_t out[2]) {                                                           \
    SUMS a = ZERO();                                                                        \
    SUMS b = ZERO();                                                                        \
    SUMS c = ZERO();                                                                        \
    SUMS d = ZERO();                                                                        \
    size_t i = 0;                                                                           \
    for (; i + 2 * WIDTH <= n; i += 2 * WIDTH) {                                            \
      const BYTES x = LOAD(stored + i);                                                     \
      const BYTES y = LOAD(stored + i + WIDTH);                                             \
      a = STEP(a, x, LOAD(first + i));                                                      \
      b = STEP(b, x, LOAD(second + i));                                                     \
      c = STEP(c, y, LOAD(first + i + WIDTH));                                              \
      d = STEP(d, y, LOAD(second + i + WIDTH));                                             \
    }                                                                                       \
    for (; i + WIDTH <= n; i += WIDTH) {                                                    \
      const BYTES x = LOAD(stored + i);                                                     \
      a = STEP(a, x, LOAD(first + i));                                                      \
      b = STEP(b, x, LOAD(second + i));                                                     \
    }                                                                                       \
    out[0] = TOTAL(ADD(a, c)) + DotPlain(stored + i, first + i, n - i);                     \
    out[1] = TOTAL(ADD(b, d)) + DotPlain(stored + i, second + i, n - i);                    \
  }                                                                                         \
  SET int32_t DotStored(const uint8_t* x, const uint8_t* y, size_t n) {                     \
    SUMS a = ZERO();                                                                        \
    SUMS b = ZERO();                                                                        \
    size_t i = 0;                                                                           \
    for (; i + 2 * WIDTH <= n; i += 2 * WIDTH) {                                            \
      a = STEP(a, LOAD(x + i), FLIP(LOAD(y + i)));                                          \
      b = STEP(b, LOAD(x + i + WIDTH), FLIP(LOAD(y + i + WIDTH)));                          \
    }                                                                                       \
    for (; i + WIDTH <= n; i += WIDTH) a = STEP(a, LOAD(x + i), FLIP(LOAD(y + i)));         \
    return TOTAL(ADD(a, b)) + DotStoredPlain(x + i, y + i, n - i);                          \
  }

#define SL_AVX2 __attribute__((target("avx2")))
#define SL_AVX_VNNI __attribute__((target("avx2,avxvnni")))
#define SL_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx2")))
#define SL_AVX512_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx2")))

SL_AVX2 inline __m256i Load32(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
SL_AVX2 inline __m256i Flip32(__m256i v) { return _mm256_xor_si256(v, _mm256_set1_epi8(-128)); }
SL_AVX2 inline int32_t Sum32(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}
// Through 16 bits: the instruction that multiplies bytes would cut its sums to 16 bits.
SL_AVX2 inline __m256i StepAvx2(__m256i sum, __m256i stored, __m256i query) {
  const __m256i low = _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm256_castsi256_si128(stored)),
                                        _mm256_cvtepi8_epi16(_mm256_castsi256_si128(query)));
  const __m256i high = _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm256_extracti128_si256(stored, 1)),
                                         _mm256_cvtepi8_epi16(_mm256_extracti128_si256(query, 1)));
  return _mm256_add_epi32(sum, _mm256_add_epi32(low, high));
}
SL_AVX_VNNI inline __m256i StepAvxVnni(__m256i sum, __m256i stored, __m256i query) {
  return _mm256_dpbusd_avx_epi32(sum, stored, query);
}

SL_AVX512 inline __m512i Load64(const void* p) { return _mm512_loadu_si512(p); }
SL_AVX512 inline __m512i Flip64(__m512i v) { return _mm512_xor_si512(v, _mm512_set1_epi8(-128)); }
SL_AVX512 inline int32_t Sum64(__m512i v) {
  alignas(64) int32_t lanes[16];
  _mm512_store_si512(lanes, v);
  return Sum32(_mm256_add_epi32(Load32(lanes), Load32(lanes + 8)));
}
// All lanes kept: the plain forms trip a false warning of GCC 12.
SL_AVX512 inline __m512i StepAvx512(__m512i sum, __m256i stored, __m256i query) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maskz_cvtepu8_epi16(~0u, stored),
                                                 _mm512_maskz_cvtepi8_epi16(~0u, query)));
}
SL_AVX512_VNNI inline __m512i StepAvx512Vnni(__m512i sum, __m512i stored, __m512i query) {
  return _mm512_dpbusd_epi32(sum, stored, query);
}

namespace avx2 {
SL_CODE_LOOPS(SL_AVX2, __m256i, __m256i, 32, _mm256_setzero_si256, Load32, Flip32, StepAvx2,
              _mm256_add_epi32, Sum32)
}
namespace avx_vnni {
SL_CODE_LOOPS(SL_AVX_VNNI, __m256i, __m256i, 32, _mm256_setzero_si256, Load32, Flip32, StepAvxVnni,
              _mm256_add_epi32, Sum32)
}
namespace avx512 {
SL_CODE_LOOPS(SL_AVX512, __m512i, __m256i, 32, _mm512_setzero_si512, Load32, Flip32, StepAvx512,
              _mm512_add_epi32, Sum64)
}
namespace avx512_vnni {
SL_CODE_LOOPS(SL_AVX512_VNNI, __m512i, __m512i, 64, _mm512_setzero_si512, Load64, Flip64,
              StepAvx512Vnni, _mm512_add_epi32, Sum64)
}

#endif  // __x86_64__

std::vector<CodeKernels> FindSupported() {
  std::vector<CodeKernels> found = {{"plain", DotPlain, Dot2Plain, DotStoredPlain}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2")) return found;
  found.push_back({"avx2", avx2::Dot, avx2::Dot2, avx2::DotStored});
  if (__builtin_cpu_supports("avxvnni")) {
    found.push_back({"avx-vnni", avx_vnni::Dot, avx_vnni::Dot2, avx_vnni::DotStored});
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back({"avx512", avx512::Dot, avx512::Dot2, avx512::DotStored});
    if (__builtin_cpu_supports("avx512vnni")) {
      found.push_back({"avx512-vnni", avx512_vnni::Dot, avx512_vnni::Dot2, avx512_vnni::DotStored});
    }
  }
#endif
  return found;
}

}  // namespace

std::span<const CodeKernels> SupportedCodeKernels() {
  static const auto* const kernels = new std::vector<CodeKernels>(FindSupported());
  return *kernels;
}

const CodeKernels& BestCodeKernels() {
  static const CodeKernels& best = SupportedCodeKernels().back();
  return best;
}

}  // namespace sightline::index
