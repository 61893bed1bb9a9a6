#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/image.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/hits.h"

namespace sightline::query {

// What a generator is asked to show the region that a claim rests on, in the language of the claim,
// behind the picture. The demo's model is taught it.
std::string RegionRequest(const std::string& claim);

}  // namespace sightline::query
