#include "model/attention_kernel.h"

namespace sightline::model {

const AttentionKernels& ChooseAttentionKernels() {
  static const AttentionKernels& chosen = [&]() -> const AttentionKernels& {
    for (const AttentionKernels* kernels : {AttentionKernelsAvx512(), AttentionKernelsAvx2()}) {
      if (kernels != nullptr) return *kernels;
    }
    return *AttentionKernelsBase();
  }();
  return chosen;
}

}  // namespace sightline::model
