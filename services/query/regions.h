#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/image.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/hits.h"
#include "services/query/locating.h"

namespace sightline::query {

// What a generator is asked behind a picture: where it shows what `claim` says, in the language of
// the claim. The demo's model is taught it.
std::string RegionRequest(const std::string& claim);

// True for a passage with a picture and no box of its own on it.
bool HasUnplacedPicture(const index::Passage& passage);

// Has `generator` locate in the passage's picture what `claim` says. Errors: those of `picture` and
// of Locate.
absl::StatusOr<Located> FindRegion(model::Generator& generator, const PassagePicture& picture,
                                   const std::string& claim, const index::Passage& passage,
                                   const edge::CallLimits& limits);

}  // namespace sightline::query
