#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/content.h"

// Where in a picture something is. A generator that draws one box is precise about its edges and
// often wrong about the thing; asked what stands at a place it seldom is. So it draws several, says
// what stands at each, and the one of which it says most of what was asked for is taken.
namespace sightline::query {

// The region in a reply of the form {"bbox_2d": [x0, y0, x1, y1]}, thousandths of the picture's
// width and height as Qwen3-VL writes them. Nothing for a box that is none (turned inside out) or
// says nothing (all of the picture, near enough).
std::optional<Box> ParseRegion(absl::string_view reply);

// What the generator is asked about a place, as it writes places. The demo's model is taught it.
std::string ShownRequest(bool chinese, const std::string& place);

inline constexpr int kGuesses = 8;  // beside the likeliest place

struct LocatedPlace {
  Box box;
  std::string says;     // what the generator says stands there
  float agreement = 0;  // share of the words of `wanted` in that, [0, 1]
};

struct Located {
  std::vector<LocatedPlace> places;  // the best first; none: it drew none
  // Of all texts together.
  int prompt_tokens = 0;
  int image_tokens = 0;
  int completion_tokens = 0;
};

// Asks `generator` behind `image` with `request`, whatever the weights in the form of a region,
// once greedily and kGuesses times at random with a seed of its own, so that the same question has
// the same reply; and what stands at each place that differs. Of equal ones the first drawn is
// first. `adapter` as in CallOptions. Errors of Generator::Generate.
absl::StatusOr<Located> Locate(model::Generator& generator, const ImagePtr& image,
                               const std::string& request, const std::string& wanted,
                               const edge::CallLimits& limits, const std::string& adapter = {});

}  // namespace sightline::query
