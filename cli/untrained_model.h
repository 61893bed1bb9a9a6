#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sightline::cli {

// Copies a model folder with random numbers in place of its weights, as a network before training
// has them: matrices normal with a deviation of 1 / sqrt(numbers a row), vectors 1, biases 0.
// Everything else stays, except the seal, which no longer holds. A tensor's numbers come from
// `seed` and its name, so that tensors that parts of a bundle share stay shared.
// kFailedPrecondition: weights other than float32 and bfloat16; kInvalidArgument: a damaged
// safetensors file; errors of reading and writing.
absl::Status CopyUntrained(const std::string& from, const std::string& to, uint64_t seed);

// The model folder that comes with the program. kNotFound.
absl::StatusOr<std::string> BundledModel();

}  // namespace sightline::cli
