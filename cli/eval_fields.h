#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "sightline/v1/model.pb.h"
#include "tools/demo_world/picture.h"

namespace sightline::cli {

struct FieldCount {
  int fields = 0;  // of either of the two
  int right = 0;   // with one value in both
};

// Compares two JSON values by their fields: each number, text, truth or null, at its path of keys
// and places. A field that only one of them has is wrong, and so are all of a reply that is no
// JSON. `gold` is JSON.
FieldCount CompareFields(absl::string_view gold, absl::string_view reply);

// The box of {"bbox_2d": [x0, y0, x1, y1]}, 0 to 1000, or of a list that begins with one; nothing
// when the reply is anything else or the box has no area.
std::optional<demo_world::Box> ReadBox(absl::string_view reply);

// The first place; nothing when there is none.
std::optional<demo_world::Box> BestBox(const v1::LocateResponse& reply);
demo_world::Box BoxFromProto(const v1::Box& box);

}  // namespace sightline::cli
