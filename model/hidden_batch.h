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
  std::shared_ptr<const Adapter> adapter;  // null = none
  size_t count = 0;
  // The prompt of sequence i.
  std::function<absl::StatusOr<Prompt>(size_t i)> prompt;
  // Runs the first sequence ahead of the others, when all share pictures: theirs are then known.
  bool first_alone = false;
};

// Builds the prompts and pictures on the calling thread, a bounded number ahead of the engine, and
// waits for the results: the last hidden state of each sequence, after the final norm, in order.
// Errors of the prompts, of the engine, and kInternal when a value is not finite.
absl::StatusOr<std::vector<std::vector<float>>> LastHiddenStates(Checkpoint& checkpoint,
                                                                 const HiddenCall& call);

}  // namespace sightline::model
