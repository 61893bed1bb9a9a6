#pragma once

#include <ATen/core/Tensor.h>

#include "model/network.h"
#include "model/sequence_input.h"
#include "model/vision_tower.h"

namespace sightline::model {

// Everything the network says about one sequence, run at once and without an engine.
struct WholeRun {
  at::Tensor logits;      // [S, vocab]
  at::Tensor final_norm;  // [S, hidden]
  VisionFeatures vision;  // of all pictures end to end; undefined tensors when there are none
};

// For comparison with reference data: memory grows with S * vocab. Each picture goes through the
// tower by itself. `probe` may be null. Throws what the tensor library throws.
WholeRun RunWhole(const Network& network, const SequenceInput& input, const Probe& probe);

}  // namespace sightline::model
