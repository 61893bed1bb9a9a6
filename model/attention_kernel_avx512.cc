#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")
#define SL_LANES 16
#define SL_TILE_ROWS 6
#define SL_TILE_VECTORS 4
#include "model/attention_kernel_loops.h"
#pragma GCC pop_options
#else
#include "model/attention_kernel.h"
#endif

namespace sightline::model {

const AttentionKernels* AttentionKernelsAvx512() {
#if defined(__x86_64__)
  static constexpr AttentionKernels kernels = {"avx512", AttendBlock<float>, AttendBlock<Bf16Bits>};
  const bool runs = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return runs ? &kernels : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace sightline::model
