#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/encoder.h"
#include "services/edge/call_scope.h"
#include "services/query/content.h"

namespace sightline::query {

// How near each of `texts` is in meaning to a question, as cosines, in order. Any thread.
using MeaningScorer = std::function<absl::StatusOr<std::vector<float>>(
    const QueryContent& question, std::span<const std::string> texts,
    const edge::CallLimits& limits)>;

// One that asks an encoder, with the question's pictures. Null for an encoder whose weights are
// untrained. `encoder` outlives it.
MeaningScorer EncoderMeaning(model::Encoder& encoder);

}  // namespace sightline::query
