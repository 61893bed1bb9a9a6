#pragma once

#include "absl/status/status.h"
#include "model/encoder.h"
#include "model/load.h"

namespace sightline::services {

// Encodes one fixed text twice and another once: the vectors must be finite and of unit length, the
// first two equal up to rounding, the third another. kInternal names what was wrong; errors of
// Encode.
absl::Status CheckEncoder(model::Encoder& encoder);

// Compares the model with the seal in its folder, and where there is none checks its encoder.
// kFailedPrecondition: it drifted, with the figures; kDataLoss: the seal cannot be read; kInternal
// as CheckEncoder; errors of the parts.
absl::Status SelfTest(const model::LoadedModel& model);

}  // namespace sightline::services
