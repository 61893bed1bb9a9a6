#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::query {

// What a measure may be in, as "dimension:unit", "currency:eur" for instance; several where the
// writing leaves it open ("pounds", "¥"); empty where it is no unit known here.
using Units = std::vector<absl::string_view>;

// The unit of a number between `before` and `after`, both as NormalisedText makes them: a word or
// sign behind it, in English or Chinese, or the sign or code of a currency in front of it. Pure;
// any thread.
Units UnitsOfNumber(absl::string_view before, absl::string_view after);

// True where both are of one dimension, and no unit may be both: 12 euros and 12 yuan.
bool AreOtherUnits(const Units& a, const Units& b);

}  // namespace sightline::query
