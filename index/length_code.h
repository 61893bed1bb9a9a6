#pragma once

#include <bit>
#include <cstdint>

namespace sightline::index {

// The length of a text in terms as one byte: exact below 32, else rounded down to five leading
// bits, so that it is short by less than 1/16. Longer lengths have no smaller code; 0 also stands
// for a length that is not known. The longest that is told apart is 507,904.
inline uint8_t LengthCode(uint32_t length) {
  if (length < 16) return static_cast<uint8_t>(length);
  const int shift = std::bit_width(length) - 5;
  if (shift > 14) return 255;
  return static_cast<uint8_t>((shift + 1) << 4 | ((length >> shift) & 15));
}

// The least length that has the code.
inline uint32_t LeastLength(uint8_t code) {
  if (code < 16) return code;
  return static_cast<uint32_t>(16 | (code & 15)) << ((code >> 4) - 1);
}

}  // namespace sightline::index
