#pragma once

namespace sightline::index {

// How often a word of each field of a passage counts, 0..kMaxFieldWeight, one of them at least
// once; it makes the text that much longer, too.
struct FieldWeights {
  int heading = 1;
  int text = 1;
};
inline constexpr int kMaxFieldWeight = 10;

}  // namespace sightline::index
