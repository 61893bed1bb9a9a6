#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "model/checkpoint.h"
#include "model/engine.h"

namespace sightline::model {

// One call's sequences of which the last hidden states are wanted.
struct HiddenCall {
  Part part = Part::kEncoder;
  CallOptions call;
  size_t count = 0;
  // Sequence i, ready for the engine.
  std::function<absl::StatusOr<SequenceInput>(size_t i)> input;
  // Runs the first sequence ahead of the others, when all share pictures: theirs are then known.
  bool first_alone = false;
  // Where set, given the features of the first sequence's only picture, on the engine's thread,
  // before that sequence has its result.
  std::function<void(std::shared_ptr<const VisionFeatures>)> on_features;
};

// Makes the sequences on the calling thread, a bounded number ahead of the engine, and waits for
// the results: the last hidden state of each, after the final norm, in order. Errors of `input`, of
// the engine, and kInternal when a value is not finite.
absl::StatusOr<std::vector<std::vector<float>>> LastHiddenStates(Checkpoint& checkpoint,
                                                                 const HiddenCall& call);

}  // namespace sightline::model
