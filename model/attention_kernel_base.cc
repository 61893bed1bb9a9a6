// Four lanes: what every processor of its kind has.
#define SL_LANES 4
#define SL_TILE_ROWS 4
#define SL_TILE_VECTORS 2
#include "model/attention_kernel_loops.h"

namespace sightline::model {

const AttentionKernels* AttentionKernelsBase() {
  static constexpr AttentionKernels kernels = {"base", AttendBlock<float>, AttendBlock<Bf16Bits>};
  return &kernels;
}

}  // namespace sightline::model
