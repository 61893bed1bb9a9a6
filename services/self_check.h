#pragma once

#include "absl/status/status.h"
#include "model/encoder.h"

namespace sightline::services {

// Encodes one fixed text twice: the vectors must be finite, of unit length and equal up to
// rounding. kInternal names what was wrong; errors of Encode.
absl::Status CheckEncoder(model::Encoder& encoder);

}  // namespace sightline::services
