#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "model/safetensors.h"

namespace sightline::model {

// What a checkpoint's stored bytes are.
struct WeightSurvey {
  std::string hash;  // of every tensor's name, dtype, shape and bytes: 64 hex digits
  // By stored name: hash of dtype, shape and bytes. Equal ones are equal tensors.
  absl::flat_hash_map<std::string, std::string> contents;
};

// Reads every byte once, several tensors at a time, and gives their memory back as it goes:
// sampling would let two different models share a fingerprint. kFailedPrecondition: a tensor of
// floats holds a NaN or an infinity (the first such by name).
absl::StatusOr<WeightSurvey> SurveyWeights(const CheckpointWeights& weights);

}  // namespace sightline::model
