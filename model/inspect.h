#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/checkpoint.h"
#include "model/sequence_input.h"

namespace sightline::model {

// A named array of numbers on its way to a file.
struct NamedFloats {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// "logits" [S, vocab] of a whole sequence and, with `vision` and where it holds pictures,
// "image_embeds" [tokens, hidden] and "deepstack_J" of the same shape. Runs beside the engine, on
// the calling thread: a tool for comparison with reference data, not for serving.
// kResourceExhausted: out of memory; kInternal: a fault of the tensor
// library.
absl::StatusOr<std::vector<NamedFloats>> InspectSequence(Checkpoint& checkpoint,
                                                         const SequenceInput& input, bool vision);

}  // namespace sightline::model
