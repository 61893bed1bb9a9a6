#include "index/sign_kernels.h"

#include <bit>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sightline::index {
namespace {

void DifferPlain(const uint64_t* query, const uint64_t* rows, size_t words, size_t count,
                 uint32_t* out) {
  for (size_t row = 0; row < count; ++row, rows += words) {
    uint32_t bits = 0;
    for (size_t i = 0; i < words; ++i) {
      bits += static_cast<uint32_t>(std::popcount(query[i] ^ rows[i]));
    }
    out[row] = bits;
  }
}

#if defined(__x86_64__)

#define SL_POPCNT __attribute__((target("popcnt")))
#define SL_AVX512 __attribute__((target("avx512f,avx512vpopcntdq,avx2")))

// Counts as many bits in a step of the processor as AVX2 does with its table.
SL_POPCNT void DifferPopcnt(const uint64_t* query, const uint64_t* rows, size_t words, size_t count,
                            uint32_t* out) {
  for (size_t row = 0; row < count; ++row, rows += words) {
    int64_t even = 0;
    int64_t odd = 0;
    size_t i = 0;
    for (; i + 2 <= words; i += 2) {
      even += _mm_popcnt_u64(query[i] ^ rows[i]);
      odd += _mm_popcnt_u64(query[i + 1] ^ rows[i + 1]);
    }
    if (i < words) even += _mm_popcnt_u64(query[i] ^ rows[i]);
    out[row] = static_cast<uint32_t>(even + odd);
  }
}

SL_AVX512 inline uint32_t Sum512(__m512i v) {
  alignas(64) uint64_t lanes[8];
  _mm512_store_si512(lanes, v);
  const __m256i half = _mm256_add_epi64(_mm256_load_si256(reinterpret_cast<__m256i*>(lanes)),
                                        _mm256_load_si256(reinterpret_cast<__m256i*>(lanes + 4)));
  const __m128i quarter =
      _mm_add_epi64(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  return static_cast<uint32_t>(_mm_cvtsi128_si64(quarter) + _mm_extract_epi64(quarter, 1));
}

SL_AVX512 void DifferAvx512(const uint64_t* query, const uint64_t* rows, size_t words, size_t count,
                            uint32_t* out) {
  const size_t whole = words / 8 * 8;
  const auto rest = static_cast<__mmask8>((1u << (words - whole)) - 1);
  for (size_t row = 0; row < count; ++row, rows += words) {
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < whole; i += 8) {
      const __m512i bits =
          _mm512_xor_si512(_mm512_loadu_si512(query + i), _mm512_loadu_si512(rows + i));
      sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(bits));
    }
    if (rest != 0) {
      const __m512i bits = _mm512_xor_si512(_mm512_maskz_loadu_epi64(rest, query + whole),
                                            _mm512_maskz_loadu_epi64(rest, rows + whole));
      sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(bits));
    }
    out[row] = Sum512(sum);
  }
}

#endif  // __x86_64__

std::vector<SignKernels> FindSupported() {
  std::vector<SignKernels> found = {{"plain", DifferPlain}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("popcnt")) return found;
  found.push_back({"popcnt", DifferPopcnt});
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq")) {
    found.push_back({"avx512-vpopcntdq", DifferAvx512});
  }
#endif
  return found;
}

}  // namespace

std::span<const SignKernels> SupportedSignKernels() {
  static const auto* const kernels = new std::vector<SignKernels>(FindSupported());
  return *kernels;
}

const SignKernels& BestSignKernels() {
  static const SignKernels& best = SupportedSignKernels().back();
  return best;
}

}  // namespace sightline::index
