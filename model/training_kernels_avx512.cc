#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")
#define SL_LANES 16
#include "model/training_kernels_loops.h"
#pragma GCC pop_options
#else
#include "model/training_kernels.h"
#endif

namespace sightline::model {

const TrainingKernelSet* TrainingKernelsAvx512() {
#if defined(__x86_64__)
  const bool runs = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return runs ? &kTrainingKernelSet : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace sightline::model
