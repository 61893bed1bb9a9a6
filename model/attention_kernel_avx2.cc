#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define SL_LANES 8
#define SL_TILE_ROWS 6
#define SL_TILE_VECTORS 2
#include "model/attention_kernel_loops.h"
#pragma GCC pop_options
#else
#include "model/attention_kernel.h"
#endif

namespace sightline::model {

const AttentionKernels* AttentionKernelsAvx2() {
#if defined(__x86_64__)
  static constexpr AttentionKernels kernels = {"avx2", AttendBlock<float>, AttendBlock<Bf16Bits>};
  const bool runs = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return runs ? &kernels : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace sightline::model
