#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "model/byte_grammar.h"

namespace sightline::model {

// Bounds of a number as JSON spells them, e.g. "0.5" or "-1e3".
struct NumberBounds {
  std::optional<std::string> minimum, maximum;
  std::optional<std::string> exclusive_minimum, exclusive_maximum;
  bool any() const { return minimum || maximum || exclusive_minimum || exclusive_maximum; }
};

// Adds the spellings of the integers within the bounds between two states of `grammar`. Without a
// bound on a side they have up to 15 digits there: a double holds them. None when the bounds cross.
// kInvalidArgument: a bound of more than 17 digits.
absl::Status AddInteger(const NumberBounds& bounds, ByteGrammar& grammar, ByteGrammar::State from,
                        ByteGrammar::State to);

// The same of numbers. With bounds they are decimals without exponent, and the digits before and
// behind the point are together at most 15: any two of them are two different doubles in the same
// order, so a reader finds the bounds kept. kInvalidArgument: a bound that has more digits than
// that.
absl::Status AddNumber(const NumberBounds& bounds, ByteGrammar& grammar, ByteGrammar::State from,
                       ByteGrammar::State to);

}  // namespace sightline::model
