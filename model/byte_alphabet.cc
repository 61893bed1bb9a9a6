#include "model/byte_alphabet.h"

#include <array>
#include <cstdint>

namespace sightline::model {
namespace {

constexpr int kAlphabetEnd = 0x100 + 68;

// Stand-in code point -> byte, or -1.
std::array<int16_t, kAlphabetEnd> MakeTable() {
  std::array<int16_t, kAlphabetEnd> table;
  table.fill(-1);
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    table[itself ? byte : next++] = static_cast<int16_t>(byte);
  }
  return table;
}

}  // namespace

std::optional<std::string> BytesOfPrintable(absl::string_view token) {
  static const std::array<int16_t, kAlphabetEnd> kTable = MakeTable();
  std::string bytes;
  for (size_t i = 0; i < token.size(); ++i) {
    int code = static_cast<uint8_t>(token[i]);
    if (code >= 0x80) {
      // The alphabet ends below U+0800, so two bytes a character are all there is.
      if (code < 0xC0 || code >= 0xE0 || i + 1 == token.size()) return std::nullopt;
      code = (code & 0x1F) << 6 | (static_cast<uint8_t>(token[++i]) & 0x3F);
    }
    if (code >= kAlphabetEnd || kTable[code] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kTable[code]));
  }
  return bytes;
}

}  // namespace sightline::model
