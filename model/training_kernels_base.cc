#define SL_LANES 4
#include "model/training_kernels_loops.h"

namespace sightline::model {

const TrainingKernelSet* TrainingKernelsBase() { return &kTrainingKernelSet; }

const TrainingKernelSet& ChooseTrainingKernels() {
  const TrainingKernelSet* const wide = TrainingKernelsAvx512();
  return wide != nullptr ? *wide : *TrainingKernelsBase();
}

}  // namespace sightline::model
