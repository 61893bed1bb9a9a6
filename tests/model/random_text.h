#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "absl/strings/string_view.h"

namespace sightline::testing {

// Made-up Unicode text, the same for the same seed: scripts and their mixtures, combining marks in
// any order, emoji sequences, controls, every kind of white space, spellings of control tokens, and
// any other character, assigned or not. Always valid UTF-8. One thread.
class RandomText {
 public:
  explicit RandomText(uint32_t seed) : random_(seed) {}
  // At most some 60 characters.
  std::string Next();

 private:
  uint32_t Below(uint32_t end) { return random_() % end; }
  void AppendPiece(std::string& text);

  std::mt19937 random_;
};

// `text`, valid UTF-8, in Unicode's normal form C.
std::string Nfc(absl::string_view text);

}  // namespace sightline::testing
