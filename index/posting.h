#pragma once

#include <cstdint>

namespace sightline::index {

// One occurrence record: the passage's place in its bucket (number modulo the bucket's size), how
// often the term stands in its text, and the code of the text's length (length_code.h).
struct Posting {
  uint16_t place = 0;
  uint32_t count = 0;
  uint8_t length = 0;
};

}  // namespace sightline::index
