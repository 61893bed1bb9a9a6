#include "index/patch_kernels.h"

#include <bit>
#include <cstring>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sightline::index {
namespace {

static_assert(std::endian::native == std::endian::little, "bit i of a code is bit i of its words");

constexpr int64_t kBias = 63;  // the largest number in the planes

// `set` bits of the code, and how many of each plane are among them.
int32_t Weighted(const int64_t (&counts)[kQueryPlanes], int64_t set) {
  int64_t sum = -kBias * set;
  for (size_t p = 0; p < kQueryPlanes; ++p) sum += counts[p] << (p + 1);
  return static_cast<int32_t>(sum);
}

int32_t DotPlain(const uint8_t* code, const uint64_t* planes, size_t words) {
  int64_t counts[kQueryPlanes] = {};
  int64_t set = 0;
  for (size_t i = 0; i < words; ++i) {
    uint64_t bits;
    std::memcpy(&bits, code + 8 * i, sizeof(bits));
    set += std::popcount(bits);
    for (size_t p = 0; p < kQueryPlanes; ++p) {
      counts[p] += std::popcount(bits & planes[p * words + i]);
    }
  }
  return Weighted(counts, set);
}

#if defined(__x86_64__)

#define SL_POPCNT __attribute__((target("popcnt")))
#define SL_AVX2 __attribute__((target("avx2,popcnt")))
#define SL_AVX512 __attribute__((target("avx512f,avx512vpopcntdq,avx2")))

SL_POPCNT int32_t DotPopcnt(const uint8_t* code, const uint64_t* planes, size_t words) {
  int64_t counts[kQueryPlanes] = {};
  int64_t set = 0;
  for (size_t i = 0; i < words; ++i) {
    uint64_t bits;
    std::memcpy(&bits, code + 8 * i, sizeof(bits));
    set += _mm_popcnt_u64(bits);
    for (size_t p = 0; p < kQueryPlanes; ++p) {
      counts[p] += _mm_popcnt_u64(bits & planes[p * words + i]);
    }
  }
  return Weighted(counts, set);
}

// Bits of each 64, by a table of the bits of four.
SL_AVX2 inline __m256i Count256(__m256i bits) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2,
                                         1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(15);
  const __m256i of_low = _mm256_shuffle_epi8(table, _mm256_and_si256(bits, low));
  const __m256i of_high =
      _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low));
  return _mm256_sad_epu8(_mm256_add_epi8(of_low, of_high), _mm256_setzero_si256());
}

SL_AVX2 inline int64_t Sum256(__m256i v) {
  alignas(32) int64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), v);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

SL_AVX2 int32_t DotAvx2(const uint8_t* code, const uint64_t* planes, size_t words) {
  __m256i sums[kQueryPlanes];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  __m256i set_sum = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 4 <= words; i += 4) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(code + 8 * i));
    set_sum = _mm256_add_epi64(set_sum, Count256(bits));
    for (size_t p = 0; p < kQueryPlanes; ++p) {
      const __m256i plane =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(planes + p * words + i));
      sums[p] = _mm256_add_epi64(sums[p], Count256(_mm256_and_si256(bits, plane)));
    }
  }
  int64_t counts[kQueryPlanes];
  for (size_t p = 0; p < kQueryPlanes; ++p) counts[p] = Sum256(sums[p]);
  int64_t set = Sum256(set_sum);
  for (; i < words; ++i) {
    uint64_t bits;
    std::memcpy(&bits, code + 8 * i, sizeof(bits));
    set += _mm_popcnt_u64(bits);
    for (size_t p = 0; p < kQueryPlanes; ++p) {
      counts[p] += _mm_popcnt_u64(bits & planes[p * words + i]);
    }
  }
  return Weighted(counts, set);
}

SL_AVX512 inline int64_t Sum512(__m512i v) {
  alignas(64) int64_t lanes[8];
  _mm512_store_si512(lanes, v);
  int64_t sum = 0;
  for (const int64_t lane : lanes) sum += lane;
  return sum;
}

SL_AVX512 int32_t DotAvx512(const uint8_t* code, const uint64_t* planes, size_t words) {
  __m512i sums[kQueryPlanes];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  __m512i set_sum = _mm512_setzero_si512();
  for (size_t i = 0; i < words; i += 8) {
    const size_t left = words - i;
    const auto mask = static_cast<__mmask8>(left >= 8 ? 0xff : (1u << left) - 1);
    const __m512i bits = _mm512_maskz_loadu_epi64(mask, code + 8 * i);
    set_sum = _mm512_add_epi64(set_sum, _mm512_popcnt_epi64(bits));
    for (size_t p = 0; p < kQueryPlanes; ++p) {
      const __m512i plane = _mm512_maskz_loadu_epi64(mask, planes + p * words + i);
      sums[p] = _mm512_add_epi64(sums[p], _mm512_popcnt_epi64(_mm512_and_si512(bits, plane)));
    }
  }
  int64_t counts[kQueryPlanes];
  for (size_t p = 0; p < kQueryPlanes; ++p) counts[p] = Sum512(sums[p]);
  return Weighted(counts, Sum512(set_sum));
}

#endif  // __x86_64__

std::vector<PatchKernels> FindSupported() {
  std::vector<PatchKernels> found = {{"plain", DotPlain}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("popcnt")) return found;
  found.push_back({"popcnt", DotPopcnt});
  if (__builtin_cpu_supports("avx2")) found.push_back({"avx2", DotAvx2});
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vpopcntdq")) {
    found.push_back({"avx512-vpopcntdq", DotAvx512});
  }
#endif
  return found;
}

}  // namespace

std::span<const PatchKernels> SupportedPatchKernels() {
  static const auto* const kernels = new std::vector<PatchKernels>(FindSupported());
  return *kernels;
}

const PatchKernels& BestPatchKernels() {
  static const PatchKernels& best = SupportedPatchKernels().back();
  return best;
}

}  // namespace sightline::index
