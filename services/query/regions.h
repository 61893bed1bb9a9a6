#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/image.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/hits.h"

namespace sightline::query {

// What a generator is asked behind a picture: where it shows what `claim` says, in the language of
// the claim. The demo's model is taught it.
std::string RegionRequest(const std::string& claim);

// The region in a reply of the form {"bbox_2d": [x0, y0, x1, y1]}, thousandths of the picture's
// width and height as Qwen3-VL writes them. Nothing for a box that is none (turned inside out) or
// says nothing (all of the picture, near enough).
std::optional<Box> ParseRegion(absl::string_view reply);

// True for a passage with a picture and no box of its own on it.
bool HasUnplacedPicture(const index::Passage& passage);

struct FoundRegion {
  std::optional<Box> box;
  model::GenerateResult written;  // what it took
};

// Asks `generator` for the region of the passage's picture that shows what `claim` says; whatever
// the weights, the reply has that form. Greedy. Errors: those of `picture` and of Generate.
absl::StatusOr<FoundRegion> FindRegion(model::Generator& generator, const PassagePicture& picture,
                                       const std::string& claim, const index::Passage& passage,
                                       const edge::CallLimits& limits);

}  // namespace sightline::query
