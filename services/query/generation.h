#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"

namespace sightline::query {

// Runs one generation and hands its texts to `on_text` piece by piece on the calling thread, so
// that a slow reader never holds up the engine. `on_text` returning false ends it with kCancelled.
// At most 64 Ki pieces wait; a reader further behind ends the generation as well. Errors of
// Generator::Generate. `adapter` as in CallOptions.
absl::StatusOr<model::GenerateResult> Generate(model::Generator& generator,
                                               const model::GenerateInput& input,
                                               const edge::CallLimits& limits,
                                               const model::OnText& on_text,
                                               const std::string& adapter = {});

}  // namespace sightline::query
