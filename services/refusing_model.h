#pragma once

#include "absl/status/status.h"
#include "model/load.h"

namespace sightline::services {

// The parts of `model` behind a refusal: each still says what it is and counts tokens, and fails
// every call that would run it with `why`, of code kFailedPrecondition and reason "model_drift".
model::LoadedModel RefusingModel(model::LoadedModel model, absl::string_view why);

}  // namespace sightline::services
