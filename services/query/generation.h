#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"

namespace sightline::query {

// Runs one generation and hands its text to `on_text` piece by piece on the calling thread, so that
// a slow reader never holds up the engine. `on_text` returning false ends it with kCancelled. At
// most 64 Ki pieces wait; a reader further behind ends the generation as well. Errors of
// Generator::Generate.
absl::StatusOr<model::GenerateResult> Generate(
    model::Generator& generator, const model::GenerateInput& input, const edge::CallLimits& limits,
    const std::function<bool(absl::string_view)>& on_text);

}  // namespace sightline::query
