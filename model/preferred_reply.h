#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/generator.h"

namespace sightline::model {

// A constraint that leaves what `inner` leaves, but for one text: `reply`, token by token, is
// written where the share that the model gives it, the product of its tokens' shares so far, is at
// least `above` (0 to 1) although something else is likelier. Behind it nothing follows. Shares are
// those `inner` leaves, before penalties, bias and temperature. Below `above` the reply is as
// likely as any other text; where too few tokens are left for it, too. `reply` is not empty.
std::unique_ptr<TokenConstraint> PreferReply(std::unique_ptr<TokenConstraint> inner,
                                             std::vector<int32_t> reply, double above);

}  // namespace sightline::model
